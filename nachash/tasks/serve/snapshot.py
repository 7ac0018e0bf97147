"""The committed rows of an index at one moment, in memory: what a server answers from."""

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, final

import numpy as np

from nachash import plugins
from nachash.engines import Engine
from nachash.errors import DamagedError, MissingError
from nachash.images.sources.originals import Originals
from nachash.index.ragged import Ragged, named
from nachash.index.reader import Index
from nachash.index.reading import reading, stamp
from nachash.inference.onnx_encoder import OnnxEncoder
from nachash.records import Preprocessing
from nachash.results.calibration import Calibration
from nachash.results.index import Metadata
from nachash.shapes import Int64, UInt8
from nachash.tasks.search.radius import calibration_of
from nachash.tasks.search.row_filter import Condition, matching, parsed
from nachash.tasks.serve.packed_texts import PackedTexts
from nachash.tasks.serve.rows import Filters, Rows, bitmap

_OWN_SHARE: Final = 8  # a filter gets codes of its own where they take at most 1/8 of the cache
_ID_BYTES: Final = 8
_IN_MEMORY: Final = {"label", "path"}  # what conditions can be on without the file


@final
class Snapshot:
    """Codes, ids, labels and paths of an index; they do not change, whatever happens to the file.

    Sizes, times and metadata are read from the file when a filter asks for them.
    """

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
        self.filters = Filters()
        self._paths = PackedTexts(index.path_bytes())
        self._labels = index.label_numbers() if index.has_labels else None

    @classmethod
    def of(cls, path: Path, previous: "Snapshot | None" = None) -> "Snapshot":
        """The index as it is now; the encoder of the previous state is used where it is the same.

        Raises:
            MissingError, DamagedError, IncompatibleError, StorageError: it cannot be read.
        """
        taken = stamp(path)  # before reading: what is written meanwhile is seen as a change
        return reading(path, lambda index: cls(index, taken, previous))

    def label_numbers(self) -> Ragged:
        """The labels of every row, as places in `label_names`.

        Raises:
            MissingError: the index has no labels.
        """
        if self._labels is None:
            raise MissingError(f"{self.path} has no labels", "filter by path, size or time")
        return self._labels

    def labels(self) -> UInt8[np.ndarray, "n classes"]:
        """The multi-hot labels of every row.

        Raises:
            MissingError: the index has no labels.
        """
        return self.label_numbers().multi_hot(len(self.label_names or ()))

    def path_bytes(self) -> Ragged:
        """The path of every row as bytes."""
        return self._paths.as_ragged()

    def sizes(self) -> Int64[np.ndarray, "n"]:
        """Bytes of the image file of every row, as the file has it now; -1 where it has not."""
        return self._from_file(Index.sizes)

    def times(self) -> Int64[np.ndarray, "n"]:
        """Last change of the image file of every row, in nanoseconds since 1970; see `sizes`."""
        return self._from_file(Index.times)

    def metadata(self) -> Metadata | None:
        """Size and time of exposure of every row; None where they were not recorded."""
        if reading(self.path, Index.metadata) is None:
            return None
        names = ("width", "height", "taken")
        return Metadata(*(self._from_file(functools.partial(_recorded, name)) for name in names))

    def all_paths(self) -> list[str]:
        """The path of every row; takes a hundred bytes and more for each."""
        return list(self._paths)

    def path_of(self, row: int) -> str:
        """The path of one row."""
        return self._paths[row]

    def label(self, row: int) -> str | None:
        """Names of a row's labels, joined by a semicolon; None when the index has none."""
        if self._labels is None:
            return None
        return named(self._labels.row(row), self.label_names or ())

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
        return Rows(self.codes, None, self.rows, _engine(self.codes, self.ids, self.bits))

    def filtered(self, where: Iterable[str], under: Iterable[str]) -> Rows:
        """The rows that `--where` and `--under` leave.

        A filter by size, time or metadata leaves out what the file has lost since.

        Raises:
            UsageError, MissingError: see `row_filter.matching`.
            MissingError, DamagedError, StorageError: such a filter, and the file cannot be read.
        """
        where, under = tuple(where), tuple(under)
        if not where and not under:
            return self.unfiltered
        conditions = [parsed(text) for text in where]
        return self.filters.rows((where, under), lambda: self._filtered(conditions, under))

    def _filtered(self, conditions: list[Condition], under: tuple[str, ...]) -> Rows:
        found = matching(self, conditions, under)
        kept = np.ones(self.rows, bool) if found is None else found
        of_file = any(condition.field not in _IN_MEMORY for condition in conditions)
        if of_file and stamp(self.path) != self.stamp:
            kept &= self._from_file(Index.ids) == self.ids
        count = int(np.count_nonzero(kept))
        ids, held = self.ids[kept], bitmap(kept)
        # FAISS copies the codes once more.
        own = count * (2 * self.codes.shape[1] + _ID_BYTES)
        if own > self.filters.most_bytes // _OWN_SHARE:
            return Rows(self.codes, held, count, self.unfiltered.engine.among(ids), 2 * held.nbytes)
        return Rows(
            self.codes, held, count, _engine(self.codes[kept], ids, self.bits), own + held.nbytes
        )

    def _from_file(
        self, column: Callable[[Index], Int64[np.ndarray, "m"]]
    ) -> Int64[np.ndarray, "n"]:
        """A column of the file as it is now in the order of our rows; -1 for what it has not."""

        def read(index: Index) -> Int64[np.ndarray, "n"]:
            values = column(index)
            if stamp(self.path) == self.stamp:
                return values
            aligned = np.full(self.rows, -1)
            ids, places = index.ids(), np.searchsorted(self.ids, index.ids())
            ids, values, places = (each[places < self.rows] for each in (ids, values, places))
            known = self.ids[places] == ids
            aligned[places[known]] = values[known]
            return aligned

        return reading(self.path, read)


def _recorded(name: str, index: Index) -> Int64[np.ndarray, "n"]:
    """A column of the metadata.

    Raises:
        MissingError: the file has none any more.
    """
    found = index.metadata()
    if found is None:
        raise MissingError(f"{index.path} has no metadata any more")
    column: Int64[np.ndarray, "n"] = getattr(found, name)
    return column


def _engine(codes: UInt8[np.ndarray, "n bytes"], ids: Int64[np.ndarray, "n"], bits: int) -> Engine:
    engine: Engine = plugins.load("engines", "faiss-flat").build(codes, ids=ids, bits=bits)
    return engine


def _calibration(index: Index) -> Calibration | None:
    try:
        return calibration_of(index)
    except DamagedError:  # searching needs none
        return None
