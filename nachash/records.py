"""Frozen records that every ring shares; `to_json` is the form in which they leave the program."""

import dataclasses
import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import numpy as np

from nachash.shapes import Bool, Float64, Int32, Int64, UInt8

if TYPE_CHECKING:
    from PIL import Image


@runtime_checkable
class Progress(Protocol):
    """What a task tells the outside while it works: a stage, how far, and a few numbers."""

    def __call__(self, stage: str, done: int, total: int | None, **numbers: float) -> None:
        """Say that `done` of `total` (None: not known) steps of `stage` are finished."""


def silent(stage: str, done: int, total: int | None, **numbers: float) -> None:
    """A `Progress` that tells nobody."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Answer of a search engine, one row per query, each row ordered by (distance, id).

    Rows of a radius search differ in length, so all rows stand one after the other: row q is
    `ends[q - 1]:ends[q]`. `asymmetric` is what re-ranked rows are ordered by, nan behind it.
    """

    ids: Int64[np.ndarray, "hits"]
    distances: Int64[np.ndarray, "hits"]
    ends: Int64[np.ndarray, "queries"]
    asymmetric: Float64[np.ndarray, "hits"] | None = None

    @property
    def queries(self) -> int:
        """Number of rows."""
        return len(self.ends)

    @property
    def starts(self) -> Int64[np.ndarray, "queries"]:
        """Where each row begins."""
        return np.concatenate([np.zeros(1, np.int64), self.ends])[:-1]

    @property
    def numbers(self) -> Int64[np.ndarray, "hits"]:
        """The row of each hit."""
        return np.repeat(np.arange(self.queries), self.ends - self.starts)

    def row(self, query: int) -> "tuple[Int64[np.ndarray, 'k'], Int64[np.ndarray, 'k']]":
        """Distances and ids of one query."""
        start = int(self.ends[query - 1]) if query else 0
        span = slice(start, int(self.ends[query]))
        return self.distances[span], self.ids[span]

    def keep(self, kept: Bool[np.ndarray, "hits"]) -> "Hits":
        """Some of the hits."""
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])[self.ends]
        weights = None if self.asymmetric is None else self.asymmetric[kept]
        return Hits(self.ids[kept], self.distances[kept], ends, weights)

    def first(self, k: int) -> "Hits":
        """The first k hits of each row."""
        return self.keep(np.arange(len(self.ids)) - self.starts[self.numbers] < k)


@dataclass(frozen=True, slots=True)
class Skipped:
    """An image that could not be used, and why, in a few words."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reference:
    """An image that can be read: its path in the source (with `/`), bytes, time of change."""

    path: str
    size: int
    mtime_ns: int


@runtime_checkable
class Source(Protocol):
    """Where images come from; listed once, read in any order, from several threads."""

    @property
    def root(self) -> str:
        """What the paths are relative to: a folder, an archive, or nothing."""

    @property
    def references(self) -> Sequence[Reference]:
        """The images, in the order in which they are encoded."""

    @property
    def skipped(self) -> Sequence[Skipped]:
        """What should have been an image and cannot even be listed as one."""

    def open(self, reference: Reference) -> "Image.Image":
        """The image, opened by Pillow and not yet decoded.

        Raises:
            ImageError: when it cannot be opened, with the reason in a few words.
        """


LARGEST_SIZE: Final = 4096  # pixels of a side
FILTERS: Final = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes the pixels an encoder sees; stored with every model and index.

    The largest centred square is cut out and resized to `size` pixels with `filter`; a JPEG is
    first decoded at the smallest scale that leaves its shorter side at least `jpeg_margin`
    times `size` (0: always at full scale). Transparent pixels are laid on white.
    """

    size: int
    filter: str = "bicubic"
    jpeg_margin: int = 2

    def __post_init__(self) -> None:
        """Refuse, with a ValueError, what a strange file may hold and no command writes."""
        numbers = type(self.size) is int and type(self.jpeg_margin) is int
        if not (numbers and 0 < self.size <= LARGEST_SIZE and 0 <= self.jpeg_margin <= 64):
            raise ValueError(f"pictures of {self.size!r} pixels are not possible")
        if self.filter not in FILTERS:
            raise ValueError(f"{self.filter!r} is no filter for resizing")


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of a list of images, as ascending places in `names`, up to an end for each image."""

    ends: Int64[np.ndarray, "n"]
    numbers: Int32[np.ndarray, "labels"]
    names: tuple[str, ...]

    @classmethod
    def of(cls, images: Sequence[Collection[str]]) -> "Labels":
        """Labels of images whose label names are given, in the names' sorted order."""
        names = sorted({name for labels in images for name in labels})
        place = {name: number for number, name in enumerate(names)}
        ends = np.cumsum([len(set(labels)) for labels in images], dtype=np.int64)
        numbers = (place[name] for labels in images for name in sorted(set(labels)))
        return cls(ends, np.fromiter(numbers, np.int32), tuple(names))

    @property
    def multi_hot(self) -> UInt8[np.ndarray, "n classes"]:
        """A row of zeros and ones for each image: of many names far larger."""
        found = np.zeros((len(self.ends), len(self.names)), np.uint8)
        rows = np.repeat(np.arange(len(self.ends)), np.diff(self.ends, prepend=0))
        found[rows, self.numbers] = 1
        return found


@dataclass(frozen=True, slots=True)
class Split:
    """A published evaluation protocol, as positions in a data set.

    `rule` says in words how the positions were chosen; with `seed` it can be repeated.
    """

    query: Int64[np.ndarray, "query"]
    gallery: Int64[np.ndarray, "gallery"]
    train: Int64[np.ndarray, "train"]
    rule: str
    seed: int


def to_json(record: Any) -> str:
    r"""A record, dict or list as a line of JSON: null for nan, `\udcff` for a byte of no text."""
    text = json.dumps(_plain(record), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: _plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value
