"""Records of experiments: one trained and measured model is a cell, cells of all seeds a row."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """What one model is trained with; `noise` is None where the method decides."""

    method: str
    bits: int
    seed: int
    noise: float | None = None

    @property
    def name(self) -> str:
        """Name of its files, `nac-64-p0.1-s0`."""
        noise = "" if self.noise is None else f"-p{self.noise:g}"
        return f"{self.method}-{self.bits}{noise}-s{self.seed}"


@dataclass(frozen=True, slots=True)
class Measured:
    """A cell with its figures, all in [0, 1] but `seconds` of training and `capacity` in bits.

    `map` ranks the whole gallery, `map_at_1000` its first 1,000 places; `linear` is the accuracy
    of a linear classifier on the features, where it was asked for. `distinct` of the `gallery`
    codes differ.
    """

    cell: Cell
    model: str
    encoder_sha256: str
    backbone: str
    frozen: bool
    noise: float | None
    capacity: float | None
    map: float
    map_at_1000: float
    chance: float
    gallery: int
    distinct: int
    linear: float | None
    protocol: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A cell that came to nothing, and why."""

    cell: Cell
    reason: str


@dataclass(frozen=True, slots=True)
class Figure:
    """Mean over seeds, and the standard deviation of one seed where there are several."""

    mean: float
    spread: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """All seeds of a method at one length and one noise; `published` is the poster's mAP."""

    method: str
    bits: int
    noise: float | None
    capacity: float | None
    seeds: int
    frozen: bool
    map: Figure
    map_at_1000: Figure
    distinct: Figure
    linear: Figure | None
    seconds: float
    published: float | None


@dataclass(frozen=True, slots=True)
class Experiment:
    """Result of `compare` and of `noise-sweep`: what was run, on what, and what came of it."""

    title: str
    command: str
    dataset: str
    protocol: str
    chance: float
    rows: tuple[Row, ...]
    cells: tuple[Measured, ...]
    failed: tuple[Failed, ...]
    machine: str
    versions: dict[str, str]
    seconds: float
