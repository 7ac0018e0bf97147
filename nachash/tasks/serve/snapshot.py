"""The committed rows of an index at one moment, in memory: what a server answers from."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from nachash import codes as code
from nachash import plugins
from nachash.engines import Engine
from nachash.errors import DamagedError, MissingError
from nachash.images.sources.originals import Originals
from nachash.index.reader import Index
from nachash.index.reading import reading, stamp
from nachash.inference.onnx_encoder import OnnxEncoder
from nachash.records import Preprocessing
from nachash.results.calibration import Calibration
from nachash.results.index import Metadata
from nachash.shapes import Int64, UInt8
from nachash.tasks.search.radius import calibration_of
from nachash.tasks.search.row_filter import matching, parsed

_FILTERS_KEPT = 16


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows that a filter leaves, with an engine that knows only them."""

    positions: Int64[np.ndarray, "n"]
    codes: UInt8[np.ndarray, "n bytes"]
    engine: Engine

    def counts(self, query: UInt8[np.ndarray, "bytes"], bits: int) -> list[int]:
        """How many rows have each distance, 0 to `bits`, from a code."""
        return np.bincount(code.popcount(self.codes ^ query), minlength=bits + 1).tolist()


@final
class Snapshot:
    """Every column of an index, read once; it does not change, whatever happens to the file."""

    def __init__(
        self, index: Index, taken: tuple[int, ...], previous: "Snapshot | None" = None
    ) -> None:
        self.stamp = taken
        self.path, self.root, self.bits, self.rows = index.path, index.root, index.bits, index.rows
        self.fingerprint: str = index.fingerprint
        self.encoder: OnnxEncoder = (
            previous.encoder
            if previous is not None and previous.fingerprint == index.fingerprint
            else OnnxEncoder(index.encoder)
        )
        self.preprocessing: Preprocessing = index.preprocessing
        self.label_names = index.label_names
        self.codes, self.ids = index.codes(), index.ids()
        self.calibration: Calibration | None = _calibration(index)
        self.originals = Originals(index.root)
        self._paths = index.all_paths()
        self._sizes, self._times = index.sizes(), index.times()
        self._labels = index.labels() if index.has_labels else None
        self._metadata = index.metadata()
        self.filtered = functools.lru_cache(_FILTERS_KEPT)(self._filtered)

    @classmethod
    def of(cls, path: Path, previous: "Snapshot | None" = None) -> "Snapshot":
        """The index as it is now; the encoder of the previous state is used where it is the same.

        Raises:
            MissingError, DamagedError, IncompatibleError, StorageError: it cannot be read.
        """
        taken = stamp(path)  # before reading: what is written meanwhile is seen as a change
        return reading(path, lambda index: cls(index, taken, previous))

    def sizes(self) -> Int64[np.ndarray, "n"]:
        """Bytes of the image file of every row."""
        return self._sizes

    def times(self) -> Int64[np.ndarray, "n"]:
        """Last change of the image file of every row, in nanoseconds since 1970."""
        return self._times

    def metadata(self) -> Metadata | None:
        """Size and time of exposure of every row; None where they were not recorded."""
        return self._metadata

    def labels(self) -> UInt8[np.ndarray, "n classes"]:
        """The multi-hot labels of every row.

        Raises:
            MissingError: the index has no labels.
        """
        if self._labels is None:
            raise MissingError(f"{self.path} has no labels", "filter by path, size or time")
        return self._labels

    def all_paths(self) -> list[str]:
        """The path of every row."""
        return self._paths

    def label(self, row: int) -> str | None:
        """Names of a row's labels, joined by a semicolon; None when the index has none."""
        if self._labels is None:
            return None
        names = self.label_names or ()
        return ";".join(names[int(column)] for column in np.flatnonzero(self._labels[row]))

    def positions(self, ids: Int64[np.ndarray, "k"]) -> Int64[np.ndarray, "k"]:
        """The positions of ids that are all there."""
        return np.searchsorted(self.ids, ids).astype(np.int64)

    def position(self, identifier: int) -> int:
        """The position of one id.

        Raises:
            MissingError: it is not in the index.
        """
        row = int(np.searchsorted(self.ids, identifier))
        if row == self.rows or self.ids[row] != identifier:
            raise MissingError(f"the index has no image with id {identifier}")
        return row

    @functools.cached_property
    def unfiltered(self) -> Rows:
        """All rows."""
        return Rows(np.arange(self.rows), self.codes, self._engine(self.codes, self.ids))

    def _filtered(self, where: tuple[str, ...], under: tuple[str, ...]) -> Rows:
        """The rows that `--where` and `--under` leave.

        Raises:
            UsageError, MissingError: see `row_filter.matching`.
        """
        kept = matching(self, [parsed(text) for text in where], under)
        if kept is None:
            return self.unfiltered
        found = self.codes[kept]
        return Rows(np.flatnonzero(kept), found, self._engine(found, self.ids[kept]))

    def _engine(self, found: UInt8[np.ndarray, "n bytes"], ids: Int64[np.ndarray, "n"]) -> Engine:
        engine: Engine = plugins.load("engines", "faiss-flat").build(found, ids=ids, bits=self.bits)
        return engine


def spread(positions: Int64[np.ndarray, "n"], count: int) -> Sequence[int]:
    """At most `count` of some positions, evenly spread."""
    if not len(positions):
        return ()
    places = np.linspace(0, len(positions) - 1, min(count, len(positions))).astype(int)
    return positions[np.unique(places)].tolist()


def _calibration(index: Index) -> Calibration | None:
    try:
        return calibration_of(index)
    except DamagedError:  # searching needs none
        return None
