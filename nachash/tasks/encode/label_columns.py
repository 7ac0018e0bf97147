"""Labels of images that come into an index, in the index's own columns."""

import numpy as np

from nachash.records import Labels


def in_columns(labels: Labels | None, images: int, names: tuple[str, ...]) -> Labels:
    """Labels in the columns `names`, with further columns behind for names that are new.

    Images without labels (None) get rows of zeros.
    """
    labels = labels or Labels(np.zeros((images, 0), np.uint8), ())
    columns = list(dict.fromkeys(names + labels.names))
    wide = np.zeros((len(labels.multi_hot), len(columns)), np.uint8)
    wide[:, [columns.index(name) for name in labels.names]] = labels.multi_hot
    return Labels(wide, tuple(columns))
