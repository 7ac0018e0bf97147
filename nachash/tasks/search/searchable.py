"""An index to search: codes, ids, labels and paths, each read when it is first needed."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np

from nachash import plugins
from nachash.engines import Engine
from nachash.errors import DamagedError, MissingError
from nachash.index.ragged import Ragged, named
from nachash.index.reader import Index
from nachash.index.reading import reading, stamp
from nachash.records import Preprocessing
from nachash.results.calibration import Calibration
from nachash.results.index import UNKNOWN_TIME, Metadata
from nachash.shapes import Int64, UInt8
from nachash.tasks.search.packed_texts import PackedTexts
from nachash.tasks.search.radius import calibration_of
from nachash.tasks.search.rows import MOST_BYTES, Rows, filters

if TYPE_CHECKING:
    from nachash.images.sources.originals import Originals
    from nachash.inference.onnx_encoder import OnnxEncoder


@final
class Searchable:
    """The rows of an index at one moment, with an engine for all of them and for each filter.

    It reads from the open index that it is given, each column once. `load` makes it independent
    of the file: sizes, times and metadata, which no answer needs, are then read from the file as
    it is when a filter asks for them.
    """

    def __init__(
        self, index: Index, *, engine: str = "faiss-flat", most_bytes: int = MOST_BYTES
    ) -> None:
        """Keep filters of at most `most_bytes` together."""
        self.path, self.root, self.bits, self.rows = index.path, index.root, index.bits, index.rows
        self.fingerprint: str = index.fingerprint
        self.preprocessing: Preprocessing = index.preprocessing
        self.filters = filters(most_bytes)
        self.stamp: tuple[int, ...] = ()
        self._engine = engine
        self._index: Index | None = index
        self._paths: PackedTexts | None = None
        self._labels: Ragged | None = None
        self._metadata: Metadata | None = None

    @classmethod
    def of(
        cls, path: Path, previous: "Searchable | None" = None, *, metadata: bool = False
    ) -> "Searchable":
        """The index as it is now, in memory; see `load`.

        Raises:
            MissingError, DamagedError, IncompatibleError, StorageError: it cannot be read.
        """
        taken = stamp(path)  # before reading: what is written meanwhile is seen as a change
        return reading(path, lambda index: cls(index).load(taken, previous, metadata=metadata))

    def load(
        self, taken: tuple[int, ...], previous: "Searchable | None", *, metadata: bool
    ) -> "Searchable":
        """Read what answers need, and let go of the file, whose stamp was `taken` before.

        The encoder of the previous state is used where it is the same. With `metadata`, hits
        also tell size and time of exposure.
        """
        index = self._opened()
        _ = self.codes, self.ids, self.originals, self.label_names
        if previous is not None and previous.fingerprint == self.fingerprint:
            self.__dict__["encoder"] = previous.encoder
        _ = self.encoder
        try:
            _ = self.calibration
        except DamagedError:  # searching needs none
            self.__dict__["calibration"] = None
        self._paths = PackedTexts(index.path_bytes())
        self._labels = index.label_numbers() if index.has_labels else None
        self._metadata = index.metadata() if metadata else None
        self.stamp, self._index = taken, None
        return self

    def _opened(self) -> Index:
        assert self._index is not None, "what is loaded is not read again"
        return self._index

    @functools.cached_property
    def codes(self) -> UInt8[np.ndarray, "n bytes"]:
        """The code of every row."""
        return self._opened().codes()

    @functools.cached_property
    def ids(self) -> Int64[np.ndarray, "n"]:
        """The id of every row, ascending."""
        return self._opened().ids()

    @functools.cached_property
    def label_names(self) -> tuple[str, ...] | None:
        """A name for each label; None without labels."""
        return self._opened().label_names

    @functools.cached_property
    def calibration(self) -> Calibration | None:
        """What `calibrate` measured; None when it has not run.

        Raises:
            DamagedError: it cannot be understood.
        """
        return calibration_of(self._opened())

    @functools.cached_property
    def encoder(self) -> "OnnxEncoder":
        """The encoder that made the codes."""
        from nachash.inference.onnx_encoder import OnnxEncoder

        return OnnxEncoder(self._opened().encoder)

    @functools.cached_property
    def originals(self) -> "Originals":
        """What opens the images."""
        from nachash.images.sources.originals import Originals

        return Originals(self.root)

    def label_numbers(self) -> Ragged:
        """The labels of every row, as places in `label_names`.

        Raises:
            MissingError: the index has no labels.
        """
        if self._labels is None and self._index is None:
            raise MissingError(f"{self.path} has no labels", "filter by path, size or time")
        if self._labels is None:
            self._labels = self._opened().label_numbers()
        return self._labels

    def labels(self) -> UInt8[np.ndarray, "n classes"]:
        """The multi-hot labels of every row.

        Raises:
            MissingError: the index has no labels.
        """
        return self.label_numbers().multi_hot(len(self.label_names or ()))

    def label_texts(self, rows: Int64[np.ndarray, "k"]) -> list[str | None]:
        """Names of some rows' labels, joined by a semicolon; None when the index has none."""
        if self._index is not None:
            return self._index.label_texts(rows)
        if self._labels is None:
            return [None] * len(rows)
        names = self.label_names or ()
        return [named(self._labels.row(row), names) for row in rows.tolist()]

    def path_bytes(self) -> Ragged:
        """The path of every row as bytes."""
        return self._opened().path_bytes() if self._paths is None else self._paths.as_ragged()

    def paths(self, rows: Int64[np.ndarray, "k"]) -> list[str]:
        """The paths of some rows."""
        if self._paths is None:
            return self._opened().paths(rows)
        return [self._paths[row] for row in rows.tolist()]

    def path_of(self, row: int) -> str:
        """The path of one row."""
        return self.paths(np.array([row], np.int64))[0]

    def all_paths(self) -> list[str]:
        """The path of every row; takes a hundred bytes and more for each."""
        return self._opened().all_paths() if self._paths is None else list(self._paths)

    def sizes(self) -> Int64[np.ndarray, "n"]:
        """Bytes of the image file of every row, as the file has it now; -1 where it has not."""
        return self.column(Index.sizes)

    def times(self) -> Int64[np.ndarray, "n"]:
        """Last change of the image file of every row, in nanoseconds since 1970; see `sizes`."""
        return self.column(Index.times)

    def metadata(self) -> Metadata | None:
        """Size and time of exposure of every row; None where they were not recorded."""
        if self._index is not None and self._metadata is None:
            self._metadata = self._index.metadata()
        if self._index is not None or self._metadata is not None:
            return self._metadata
        if reading(self.path, Index.metadata) is None:
            return None
        unknown = {"width": 0, "height": 0, "taken": UNKNOWN_TIME}
        return Metadata(
            *(self.column(functools.partial(_recorded, name), unknown[name]) for name in unknown)
        )

    def known(self, rows: Int64[np.ndarray, "k"]) -> list[dict[str, int | str]]:
        """What metadata tell of some rows; nothing where they were not recorded or not loaded."""
        recorded = self.metadata() if self._index is not None else self._metadata
        return [{} if recorded is None else recorded.fields(row) for row in rows.tolist()]

    def positions(self, ids: Int64[np.ndarray, "k"]) -> Int64[np.ndarray, "k"]:
        """The positions of ids that are all there."""
        return np.searchsorted(self.ids, ids).astype(np.int64)

    def codes_of(self, ids: Int64[np.ndarray, "k"]) -> UInt8[np.ndarray, "k bytes"]:
        """The codes of ids that are all there."""
        return self.codes[self.positions(ids)]

    def position(self, identifier: int) -> int:
        """The position of one id.

        Raises:
            MissingError: it is not in the index.
        """
        row = int(np.searchsorted(self.ids, identifier))
        if row == self.rows or self.ids[row] != identifier:
            raise MissingError(f"{self.path} has no image with id {identifier}")
        return row

    @functools.cached_property
    def unfiltered(self) -> Rows:
        """All rows."""
        return Rows(self.codes, None, self.rows, self.build(self.codes, self.ids))

    def build(self, codes: UInt8[np.ndarray, "m bytes"], ids: Int64[np.ndarray, "m"]) -> Engine:
        """An engine for some of the rows."""
        built: Engine = plugins.load("engines", self._engine).build(codes, ids=ids, bits=self.bits)
        return built

    def outdated(self) -> bool:
        """Whether the file has another state now than what was loaded from it."""
        return self._index is None and stamp(self.path) != self.stamp

    def column(
        self, column: Callable[[Index], Int64[np.ndarray, "m"]], absent: int = -1
    ) -> Int64[np.ndarray, "n"]:
        """A column of the file as it is now in the order of our rows; `absent` for what is not."""

        def read(index: Index) -> Int64[np.ndarray, "n"]:
            values = column(index)
            if not self.outdated():
                return values
            aligned = np.full(self.rows, absent)
            ids, places = index.ids(), np.searchsorted(self.ids, index.ids())
            ids, values, places = (each[places < self.rows] for each in (ids, values, places))
            known = self.ids[places] == ids
            aligned[places[known]] = values[known]
            return aligned

        return column(self._index) if self._index is not None else reading(self.path, read)


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
