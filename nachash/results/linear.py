"""Records of the probes: what a classifier on frozen features knows."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nachash.options import Solver
from nachash.records import Skipped
from nachash.shapes import Int64

Features = Literal["features", "tanh", "code"]


@dataclass(frozen=True, slots=True)
class LinearResult:
    """One model, one kind of features, one fraction of the labels; fractions lie in [0, 1].

    `accuracy` is the mean of `accuracies`, one per seed, and `spread` their standard deviation
    (with one less than their number as divisor), None of a single one. `penalties` were chosen,
    one per seed, by the exact solver. `confusion` counts test images by true class (rows) and
    predicted class, over all seeds. `seen` of the test images were among those that the model
    was trained on, without labels; None where nobody can tell.
    """

    model: str
    encoder_sha256: str
    method: str
    backbone: str
    bits: int
    features: Features
    fraction: float
    train: int
    test: int
    accuracy: float
    spread: float | None
    accuracies: tuple[float, ...]
    penalties: tuple[float, ...]
    confusion: Int64[np.ndarray, "classes classes"]
    seen: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """Result of `linear`: results in the order of the models, and what they share.

    `rule` says how training and test images were chosen, `sha256` is the fingerprint of their
    paths, sizes and classes. `chance` is the share of the test images in the class that is most
    frequent in training. `epochs` belong to the published solver, `neighbours` to knn. `poster`
    names the figure of the poster that this one corresponds to.
    """

    results: tuple[LinearResult, ...]
    solver: Solver
    data: str
    rule: str
    sha256: str
    classes: tuple[str, ...]
    chance: float
    seed: int
    seeds: int
    epochs: int | None
    neighbours: int | None
    poster: str | None
    skipped: tuple[Skipped, ...]
    versions: dict[str, str]
    seconds: float
