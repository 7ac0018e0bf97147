"""Settings of `linear`, and what is refused before any work is done."""

from typing import Final, get_args

import numpy as np

from nachash.errors import UsageError
from nachash.probes import stratified
from nachash.results.linear import Features
from nachash.shapes import Int64
from nachash.tasks.linear import classified_images
from nachash.tasks.linear.classified_images import Classification
from nachash.tasks.linear.options import LinearSettings
from nachash.tasks.linear.solvers import subset_of

EPOCHS: Final = 100
# Images of each class: the exact solver needs one to fit and one to choose the penalty.
_LEAST: Final = {"exact": 2, "published": 1, "knn": 1}


def check(settings: LinearSettings) -> None:
    """Refuse what makes no sense before anything is read.

    Raises:
        UsageError: says what to type instead.
    """
    if (settings.dataset is None) == (settings.images is None):
        raise UsageError(
            "linear classification needs one source of labelled images",
            "--dataset cifar10, or --images FOLDER with a folder per class",
        )
    if settings.test is not None and settings.images is None:
        raise UsageError(
            "--test names test images for --images, and a data set has its own",
            f"nachash linear --dataset {settings.dataset}",
        )
    if not settings.fractions or not all(0 < each <= 1 for each in settings.fractions):
        raise UsageError(
            "a fraction of the labels lies above 0 and at most at 1", "--fraction 0.1,1"
        )
    if settings.seed < 0 or settings.seeds < 1 or (settings.epochs or 1) < 1:
        raise UsageError("seeds count from 0, and there is at least one seed and one epoch")
    if settings.epochs is not None and settings.solver != "published":
        raise UsageError(
            f"the solver {settings.solver} has no epochs", "--solver published, or leave them out"
        )
    for kind in settings.features or ("",):
        if kind not in get_args(Features):
            raise UsageError(
                f"'{kind}' is no kind of features", f"--features {'|'.join(get_args(Features))}"
            )


def check_labels(
    settings: LinearSettings, data: Classification, classes: Int64[np.ndarray, "n"]
) -> None:
    """Refuse a single class, and fractions that leave one fewer images than the solver needs.

    Raises:
        UsageError: names the smallest class, or the only one.
    """
    classified_images.require_two(classes, data.names, data.name)
    least = _LEAST[settings.solver]
    smallest = int(np.bincount(classes)[np.unique(classes)].min())
    for fraction in settings.fractions:
        if stratified.size(smallest, fraction) < least:
            subset = subset_of(classes, fraction, settings.seed)
            classified_images.require(
                classes[subset],
                data.names,
                least,
                f"choosing the penalty from a fraction of {fraction:.4g}",
                "a larger --fraction, or --solver knn",
            )


def seeds_of(settings: LinearSettings, fraction: float) -> range:
    """The seeds of the trials; neighbours among all images are the same for each."""
    only_one = settings.solver == "knn" and fraction == 1
    return range(settings.seed, settings.seed + (1 if only_one else settings.seeds))


def epochs_of(settings: LinearSettings) -> int:
    """Epochs of the published solver."""
    return EPOCHS if settings.epochs is None else settings.epochs
