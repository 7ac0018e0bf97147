"""Labels of images that come into an index, by the numbers that the index gives their names."""

import numpy as np

from nachash.index.ragged import Ragged
from nachash.records import Labels


def numbered(
    labels: Labels | None, images: int, names: tuple[str, ...]
) -> tuple[Ragged, tuple[str, ...]]:
    """Labels as ascending places among `names`, and further names that come behind these.

    Images without labels (None) have none each.
    """
    if labels is None:
        return Ragged(np.zeros(images, np.int64), np.zeros(0, np.int32)), ()
    place = {name: number for number, name in enumerate(dict.fromkeys(names + labels.names))}
    numbers = np.array([place[name] for name in labels.names], np.int32)[labels.numbers]
    rows = np.repeat(np.arange(images), np.diff(labels.ends, prepend=0))
    return Ragged(labels.ends, numbers[np.lexsort((numbers, rows))]), tuple(place)[len(names) :]
