"""Whether the labels of an index are the names of its images' top folders."""

from collections.abc import Sequence

import numpy as np

from nachash.index.ragged import Ragged
from nachash.index.reader import Index


def are_folders(names: Sequence[str], index: Index) -> bool:
    """Whether every label of every image is the name of the image's top folder."""
    labels, folders = index.label_numbers(), Ragged.of_texts([f"{name}/" for name in names])
    no_folders = [number for number, name in enumerate(names) if not name or "/" in name]
    if np.isin(labels.values, no_folders).any():
        return False
    start = 0
    for paths in index.path_blocks():
        if not _begin(paths, labels.part(start, start + len(paths)), folders):
            return False
        start += len(paths)
    return True


def _begin(paths: Ragged, labels: Ragged, folders: Ragged) -> bool:
    """Whether each path begins with the folder of each of its labels."""
    rows = np.repeat(np.arange(len(paths)), labels.lengths)
    lengths, begins = folders.lengths[labels.values], folders.starts[labels.values]
    if (lengths > paths.lengths[rows]).any():
        return False
    starts = paths.starts[rows]
    for place in range(int(lengths.max(initial=0))):
        longer = lengths > place
        theirs = paths.values[starts[longer] + place]
        if (theirs != folders.values[begins[longer] + place]).any():
            return False
    return True
