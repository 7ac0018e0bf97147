"""ImageNet, ILSVRC 2012: 1.28 million training and 50,000 validation images, 1,000 classes.

Source: O. Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, IJCV 2015. Read
from `train/WNID` with `val/WNID`, or with the official flat `val` beside the development kit
`ILSVRC2012_devkit_t12`. Any subset of the classes in the same layout is read as well.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nachash.datasets import Archive, DataSet, default_root
from nachash.datasets._image_folder import class_folders, images_in, one_hot, parent_names
from nachash.errors import DamagedError, MissingError
from nachash.records import Split

ARCHIVES: tuple[Archive, ...] = ()
CLASSIFICATION = "val"
DEVKIT = "ILSVRC2012_devkit_t12/data"
GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
_HINT = "place train and val there (image-net.org/download), or name the folder with --data-root"


def split(training: int, count: int, seed: int) -> Split:
    """Validation images query all training images; nothing is random."""
    gallery = np.arange(training)
    rule = "queries: the validation images; gallery and training: the training images"
    return Split(np.arange(training, count), gallery, gallery, rule, seed)


def load(*, root: Path | None = None) -> DataSet:
    """ImageNet from a local copy, training images first.

    Raises:
        MissingError: train or val is not below `root`, or a flat val without its kit.
        DamagedError: the kit and the validation images do not fit together.
    """
    root = default_root("imagenet") if root is None else root
    training = class_folders(root, "train")
    validation = class_folders(root, "val")
    classes = parent_names(validation)
    if not validation and (root / "val").is_dir():
        validation = images_in(root, "val")
        classes = _ground_truth(root, len(validation)) if validation else []
    if not training or not validation:
        raise MissingError(
            f"ImageNet is not in {root}: looked for train/WNID/*.JPEG and for val/WNID/*.JPEG "
            f"or val/*.JPEG with {DEVKIT}/{GROUND_TRUTH}",
            _HINT,
        )
    labels, _ = one_hot([*parent_names(training), *classes])
    paths = (*training, *validation)
    return DataSet(
        name="imagenet",
        root=str(root),
        paths=paths,
        labels=labels,
        pixels=None,
        protocols={"val": lambda seed: split(len(training), len(paths), seed)},
        default_protocol="val",
        augment="photo",
    )


def _ground_truth(root: Path, count: int) -> list[str]:
    """WordNet ids of the flat validation images, in the order of their names."""
    text, synsets = root / DEVKIT / GROUND_TRUTH, root / DEVKIT / "meta.mat"
    for file in (text, synsets):
        if not file.is_file():
            raise MissingError(
                f"{root / 'val'} has no folders per class, and {file} is missing", _HINT
            )
    try:
        numbers = [int(line) for line in text.read_text(encoding="ascii").split()]
        names = _wordnet_ids(synsets)
        classes = [names[number] for number in numbers]
    except Exception as error:  # scipy's reader raises whatever a damaged file leads to
        raise DamagedError(
            f"the development kit in {root / DEVKIT} is damaged: {error}", _HINT
        ) from error
    if len(classes) != count:
        raise DamagedError(
            f"{text} names {len(classes)} images, but {root / 'val'} holds {count}", _HINT
        )
    return classes


def _wordnet_ids(synsets: Path) -> dict[int, str]:
    """The kit's numbers of the 1,000 classes, each with its WordNet id."""
    from scipy.io import loadmat

    rows: Sequence[np.void] = loadmat(str(synsets), squeeze_me=True)["synsets"]
    return {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in rows if row["num_children"] == 0}
