"""Records of `expressivity`: figures that become JSON, and what its pictures are drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nachash.shapes import Float64, Int64, UInt8

FIGURE = 'the linear regions of "Nonlinear Expressivity of Neural Networks"'
TOY_FIGURE = 'the linear regions of "Why Nonlinear Expressivity?" and their "zero training error"'


@dataclass(frozen=True, slots=True)
class Fineness:
    """How finely one layer of one encoder, untrained or trained, cuts the space of images.

    Distances count units of the layer. `crossings` is the mean number of boundaries between two
    images, `crossings_per_length` the same per unit of Euclidean distance of pixels in [0, 1];
    both are counted from `samples` points on average, and `stable` is the share of the pairs for
    which twice as many found less than 1 % more. `plane_regions` counts the different patterns
    on the grid through three images.
    """

    stage: str
    units: int
    codes: int
    pair_distance: float
    pair_distance_of_ends: float
    crossings: float
    crossings_per_length: float
    samples: float
    stable: float
    plane_regions: int


@dataclass(frozen=True, slots=True)
class ModelFineness:
    """A model before and after its training."""

    model: str
    method: str
    fingerprint: str
    seed: int
    before: Fineness
    after: Fineness


@dataclass(frozen=True, slots=True)
class Expressivity:
    """Result of `expressivity MODEL...`; seconds are those of the whole command."""

    models: tuple[ModelFineness, ...]
    layer: str
    data: str
    images: int
    images_sha256: str
    plane: tuple[str, ...]
    grid: int
    pairs: int
    pair_length: float
    seed: int
    versions: dict[str, str]
    seconds: float
    poster: str = FIGURE


@dataclass(frozen=True, slots=True)
class ToyFineness:
    """A toy encoder of one seed: its regions, and the training error of linear classifiers.

    `regions` are all linear regions in the box, counted exactly, `occupied` those that hold
    training points, `codes` the different activation codes of the points, `pair_distance` the
    mean Hamming distance of two codes. Boundaries between two points are those of all units.
    Errors are shares of the points: of a classifier on the last layer's output, and on the code.
    """

    encoder: str
    seed: int
    regions: int
    occupied: int
    codes: int
    pair_distance: float
    crossings_per_length: float
    error: float
    code_error: float


@dataclass(frozen=True, slots=True)
class ToyExpressivity:
    """Result of `expressivity --toy`."""

    shape: str
    points: int
    widths: tuple[int, ...]
    bits: int
    steps: int
    spread: float
    noise: float
    temperature: float
    runs: tuple[ToyFineness, ...]
    input_error: float
    data_seed: int
    versions: dict[str, str]
    seconds: float
    poster: str = TOY_FIGURE


@dataclass(frozen=True, slots=True)
class ToyPicture:
    """The plane of one toy encoder, its regions as polygons, and those of class 1."""

    title: str
    fineness: ToyFineness
    polygons: "Sequence[Float64[np.ndarray, '_ 2']]"
    neighbours: Int64[np.ndarray, "pairs 2"]
    class_one: "Sequence[Float64[np.ndarray, '_ 2']]"
    box: Float64[np.ndarray, "corners 2"]
    points: Float64[np.ndarray, "n 2"]
    classes: Int64[np.ndarray, "n"]


@dataclass(frozen=True, slots=True)
class PlanePicture:
    """The plane through three images under one encoder: a number per pattern and cell.

    Rows of `regions` go up; `window` is left, right, low, high in units of pixel distance.
    """

    title: str
    fineness: Fineness
    regions: Int64[np.ndarray, "grid grid"]
    window: tuple[float, float, float, float]
    corners: Float64[np.ndarray, "3 2"]
    thumbnails: UInt8[np.ndarray, "3 height width 3"]
