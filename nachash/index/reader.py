"""Reads an index: only rows that were committed and not removed exist."""

import contextlib
import dataclasses
import functools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, final

import h5py
import numpy as np

from nachash import codes as code
from nachash.errors import DamagedError, MissingError
from nachash.index import path_rules
from nachash.index.error_log import last_words
from nachash.index.ragged import Ragged, named
from nachash.index.row_block import RowBlock, label_rows, labels_of, path_hashes, row_block
from nachash.index.storage import layout, lock, text_column
from nachash.index.storage.checksummed import ChecksummedGroup
from nachash.index.storage.digests import text_hash
from nachash.index.storage.journal import committed_pages
from nachash.index.storage.manifest import Manifest, UnprovenError
from nachash.index.storage.opening import checked_file, damage
from nachash.index.storage.paged_file import PagedFile, Pages
from nachash.index.storage.raw import from_disk, through_pages
from nachash.index.storage.sealed import SealedGroup
from nachash.index.storage.unchecked import UncheckedGroup
from nachash.records import Preprocessing, Skipped
from nachash.results.index import Metadata
from nachash.shapes import Bool, Int64, UInt8, UInt64

_ATTEMPTS: Final = 50
_IDLE_ATTEMPTS: Final = 5  # while a writer holds the index and writes nothing
_PAUSE: Final = 0.02  # seconds; a commit takes less
_HALF_WRITTEN: Final = (OSError, KeyError, ValueError, TypeError, RuntimeError, DamagedError)
_BLOCK: Final = 1 << 16  # paths that are looked at together
_TABLE_BITS: Final = 20

T = TypeVar("T")


def open_index(path: Path, *, check: bool = True) -> "Index":
    """An index, open for reading; without `check`, its columns are not compared with their proofs.

    Raises:
        MissingError: there is no such file.
        DamagedError: it is not an index, or damaged.
        IncompatibleError: a newer nachash wrote it.
        StorageError: it cannot be read.
    """
    return Index(checked_file(path), check=check)


@final
class Index:
    """Rows of an open index; a *position* counts live rows from 0, an *id* never changes.

    Every method raises DamagedError when it meets bytes that are not those that were committed;
    without `check`, those of the encoder alone. `file`, `header`, `columns` and `proven` (as
    `columns`, but always with `check`) are for those who look at all rows, also at removed ones.
    """

    def __init__(self, path: Path, *, check: bool = True) -> None:
        self.path = path
        self._check = check
        with damage(path):
            self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            with damage(path):
                self._open()
        except BaseException:
            os.close(self._descriptor)
            raise

    def _open(self) -> None:
        """Look at the file as it is now."""
        state = self._present_state()
        pages = committed_pages(self._descriptor)
        read_at = from_disk(self._descriptor)
        if pages is not None:
            read_at = through_pages(self._descriptor, pages)
        # Opened by its name, HDF5 would share what it knows of a file that is open already.
        pages = pages or Pages(os.fstat(self._descriptor).st_size)
        paged = PagedFile(self._descriptor, pages)
        with contextlib.ExitStack() as unless_an_index, _told(paged):
            file = unless_an_index.enter_context(h5py.File(paged, "r"))
            header = layout.read_header(file, self.path)
            unless_an_index.pop_all()
        self._paged = paged
        self._state, self.file, self.header = state, file, header
        if header.version == 1:
            self.proven: Any = ChecksummedGroup(file)
            unchecked: Any = UncheckedGroup(file, frozenset(layout.data_sets(header, file)))
        else:
            digests = Manifest(file, header.entries)
            self.proven = SealedGroup(file, digests, read_at)
            unchecked = SealedGroup(file, digests, read_at, check=False)
        self.columns = self.proven if self._check else unchecked

    def _present_state(self) -> tuple[int, ...]:
        status = os.fstat(self._descriptor)
        return status.st_size, status.st_mtime_ns

    def read(self, use: Callable[[Any], T]) -> T:
        """What `use` makes of the columns; it begins again where a writer came in between.

        Rows that were committed are never rewritten, but the chunks and digests that they share
        with later ones are.

        Raises:
            DamagedError: what it read is not what was committed, and nobody has written meanwhile.
        """
        with damage(self.path):
            for attempt in range(_ATTEMPTS):
                try:
                    with _told(self._paged):
                        return use(self.columns)
                except UnprovenError:
                    idle = attempt >= _IDLE_ATTEMPTS or lock.owner(self.path) is None
                    if not self._renewed() and idle:
                        raise
            return use(self.columns)

    def _renewed(self) -> bool:
        """Look at the file anew when somebody has written to it since we looked."""
        if self._present_state() == self._state:
            time.sleep(_PAUSE)
            return False
        file, header = self.file, self.header
        with contextlib.suppress(*_HALF_WRITTEN):
            self._open()
            file.close()
            self.header = dataclasses.replace(
                self.header, committed=header.committed, next_id=header.next_id
            )
        return True

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            self.file.close()
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def bits(self) -> int:
        """Length of the codes."""
        return self.header.bits

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the encoder that made the codes, in hex."""
        return self.header.encoder_fingerprint

    @property
    def preprocessing(self) -> Preprocessing:
        """How images became the encoder's pixels."""
        return self.header.preprocessing

    @property
    def model(self) -> dict[str, Any]:
        """The encoder's configuration, as it was given."""
        return self.header.model

    @property
    def root(self) -> str:
        """The folder that paths are relative to."""
        return self.header.root

    @property
    def created_by(self) -> str:
        """The program that made the index, with its version."""
        return self.header.created_by

    @property
    def next_id(self) -> int:
        """The id that the next new row gets."""
        return self.header.next_id

    @property
    def removed(self) -> int:
        """Number of rows that were removed and still take room."""
        return 0 if self._live is None else self.header.committed - len(self._live)

    @property
    def rows(self) -> int:
        """Number of live rows."""
        return self.header.committed if self._live is None else len(self._live)

    @property
    def has_labels(self) -> bool:
        """Whether the images have labels."""
        return "labels" in self.columns

    @functools.cached_property
    def label_names(self) -> tuple[str, ...] | None:
        """A name for each label; None without labels."""
        if not self.has_labels:
            return None
        return tuple(self.read(lambda columns: _all_texts(columns["label_names"])))

    @functools.cached_property
    def encoder(self) -> bytes:
        """The ONNX graph that made the codes."""
        return self._whole("encoder")

    @property
    def calibration(self) -> str | None:
        """What `calibrate` measured, as JSON; None when it has not run."""
        if layout.CALIBRATION not in self.columns:
            return None
        return self._whole(layout.CALIBRATION).decode()

    def codes(self) -> UInt8[np.ndarray, "n bytes"]:
        """The code of every row."""
        found = self._column("codes")
        if not code.padding_is_zero(found, self.bits):
            raise DamagedError(f"{self.path} is damaged: codes have ones after bit {self.bits}")
        return found

    def ids(self) -> Int64[np.ndarray, "n"]:
        """The id of every row, ascending; read once."""
        return self._ids

    def sizes(self) -> Int64[np.ndarray, "n"]:
        """Bytes of the image file of every row."""
        return self._column("size")

    def times(self) -> Int64[np.ndarray, "n"]:
        """Last change of the image file of every row, in nanoseconds since 1970."""
        return self._column("mtime_ns")

    def values(self, column: str, positions: Int64[np.ndarray, "k"]) -> np.ndarray:
        """What stands in some rows of a column of the format, read without the other rows."""
        rows = positions if self._live is None else self._live[positions]
        ascending, place = np.unique(rows, return_inverse=True)

        def some(columns: Any) -> np.ndarray:
            whole = columns[column]
            parts = text_column.runs(ascending)
            found = [whole[first:stop][places] for first, stop, places in parts]
            return np.concatenate([whole[:0], *found])

        return self.read(some)[place]

    def digests(self) -> UInt8[np.ndarray, "n digest"] | None:
        """BLAKE2b of each image file's contents, zeros where it is not known; None without any."""
        return self._column("digests") if self.has_digests else None

    @property
    def has_digests(self) -> bool:
        """Whether contents of image files were recorded."""
        return "digests" in self.columns

    @property
    def has_metadata(self) -> bool:
        """Whether sizes of pictures and times of exposure were recorded."""
        return all(name in self.columns for name in layout.METADATA)

    def metadata(self) -> Metadata | None:
        """Size and time of exposure of every row; None where they were not recorded."""
        if not self.has_metadata:
            return None
        return Metadata(*(self._column(name).astype(np.int64) for name in layout.METADATA))

    def labels(self) -> UInt8[np.ndarray, "n classes"]:
        """The multi-hot labels of every row; for many names, `label_numbers` is far smaller.

        Raises:
            MissingError: the index has no labels.
        """
        return self.label_numbers().multi_hot(len(self.label_names or ()))

    def label_numbers(self) -> Ragged:
        """The labels of every row, as ascending places in `label_names`.

        Raises:
            MissingError: the index has no labels.
        """
        if not self.has_labels:
            raise MissingError(
                f"{self.path} has no labels", "encode the images again with --labels folder"
            )
        found = self.read(lambda columns: labels_of(columns["labels"], 0, self.header.committed))
        if (found.values < 0).any() or (found.values >= len(self.label_names or ())).any():
            raise DamagedError(f"{self.path} is damaged: a label has no name")
        return found if self._live is None else found.take(self._live)

    def label_texts(self, positions: Int64[np.ndarray, "k"]) -> list[str | None]:
        """The names of some rows' labels, joined by a semicolon; None when there are none."""
        names = self.label_names
        if names is None:
            return [None] * len(positions)
        rows = self.stored_rows()[positions]
        found = self.read(lambda columns: label_rows(columns["labels"], rows))
        with damage(self.path):
            return [named(found.row(row), names) for row in range(len(rows))]

    def paths(self, positions: Int64[np.ndarray, "k"]) -> list[str]:
        """The paths of some rows, without reading those of the others."""
        return text_column.texts(self._some_paths(positions))

    def all_paths(self) -> list[str]:
        """The path of every row."""
        return text_column.texts(self.path_bytes())

    def path_bytes(self) -> Ragged:
        """The path of every row as bytes, without a string for each."""
        most = self.read(lambda columns: len(columns["paths"]["bytes"]))
        ends, values = np.zeros(self.rows, np.int64), np.empty(most, np.uint8)
        row = end = 0
        for block in self.path_blocks():
            ends[row : row + len(block)] = block.ends + end
            values[end : end + len(block.values)] = block.values
            row, end = row + len(block), end + len(block.values)
        return Ragged(ends, values[:end])

    def path_blocks(self) -> Iterator[Ragged]:
        """The path of every row as bytes, some rows at a time."""
        for start in range(0, self.header.committed, _BLOCK):
            stop = min(start + _BLOCK, self.header.committed)
            found = self._lawful(self.read(partial(_paths, start=start, stop=stop)))
            if self._live is not None:
                here = slice(*np.searchsorted(self._live, (start, stop)))
                found = found.take(self._live[here] - start)
            yield found

    def _some_paths(self, positions: Int64[np.ndarray, "k"]) -> Ragged:
        rows = positions if self._live is None else self._live[positions]
        return self._lawful(self.read(lambda columns: text_column.rows(columns["paths"], rows)))

    def _lawful(self, paths: Ragged) -> Ragged:
        outside = self.header.outside or self.header.version == 1
        for block in paths.blocks(_BLOCK):
            lawful = path_rules.lawful(block).all()
            if not lawful or (not outside and path_rules.leaving(block).any()):
                raise DamagedError(
                    f"{self.path} is damaged: a path is empty, has a NUL or leads out of the root",
                    f"nachash index verify --index {self.path}",
                )
        return paths

    def removed_images(self) -> dict[int, str]:
        """Paths by id of the rows that were removed and still take room, ids ascending."""
        if self._live is None:
            return {}
        gone = np.setdiff1d(np.arange(self.header.committed), self._live, assume_unique=True)
        found = self.read(lambda columns: text_column.rows(columns["paths"], gone))
        paths = text_column.texts(self._lawful(found))
        return dict(zip(self._all_rows("ids")[gone].tolist(), paths, strict=True))

    def errors(self) -> list[Skipped]:
        """Images that were skipped, and why."""
        paths, reasons = self.read(
            lambda columns: [_all_texts(columns["errors"][name]) for name in ("paths", "reasons")]
        )
        with damage(self.path):
            listed = last_words(paths, reasons)
        return [Skipped(path, reason) for path, reason in listed.items()]

    def positions_of_ids(self, ids: Int64[np.ndarray, "k"]) -> Int64[np.ndarray, "k"]:
        """The position of each id.

        Raises:
            MissingError: an id that is not in the index.
        """
        known = self.ids()
        positions = np.searchsorted(known, ids)
        absent = positions == len(known)
        absent[~absent] = known[positions[~absent]] != ids[~absent]
        if absent.any():
            raise MissingError(f"{self.path} has no image with id {ids[absent][0]}")
        return positions.astype(np.int64)

    def position_of_id(self, identifier: int) -> int:
        """The position of one id.

        Raises:
            MissingError: it is not in the index.
        """
        return int(self.positions_of_ids(np.array([identifier], np.int64))[0])

    def position_of_path(self, path: str) -> int:
        """The position of the image with that path, as it is stored.

        Raises:
            MissingError: it is not in the index.
        """
        (position,) = self.positions_of_paths([path])
        if position < 0:
            raise MissingError(f"{self.path} has no image {path}", "name it as the index does")
        return int(position)

    def positions_of_paths(self, paths: Sequence[str]) -> Int64[np.ndarray, "k"]:
        """The position of the image with each path, as it is stored; -1: there is none.

        The hashes of all paths are compared, and the bytes of those alone whose hash is the same.
        """
        wanted = [path.encode("utf-8", "surrogateescape") for path in paths]
        hashes = np.array([text_hash(path) for path in wanted], np.uint64)
        order = np.argsort(hashes)
        known = self._hashes
        rows = np.flatnonzero(_among(known, hashes))
        first = np.searchsorted(hashes, known[rows], sorter=order)
        found = np.full(len(paths), -1, np.int64)
        for row, start, path in zip(
            rows.tolist(), first.tolist(), self._some_paths(rows).texts(), strict=True
        ):
            while start < len(order) and hashes[order[start]] == known[row]:
                if wanted[order[start]] == path:
                    found[order[start]] = row
                start += 1
        return found

    def stored_rows(self) -> Int64[np.ndarray, "n"]:
        """The row of the file in which each position lies."""
        return np.arange(self.header.committed) if self._live is None else self._live

    def block(self, start: int, stop: int) -> RowBlock:
        """Rows of the file from start to stop, removed ones with them, as they are stored."""
        return self.read(lambda columns: row_block(columns, start, stop))

    @functools.cached_property
    def _hashes(self) -> UInt64[np.ndarray, "n"]:
        if self.header.version > 1:
            return self._column(layout.HASHES)
        return np.concatenate([np.zeros(0, np.uint64), *map(path_hashes, self.path_blocks())])

    def _whole(self, name: str) -> bytes:
        """All bytes of a data set, which are compared with what proves them in any case."""
        return self.read(lambda _: self.proven[name][:].tobytes())

    def _column(self, name: str) -> np.ndarray:
        values = self._all_rows(name)
        return values if self._live is None else values[self._live]

    def _all_rows(self, name: str) -> np.ndarray:
        """A column with its removed rows."""
        return self.read(lambda columns: columns[name][: self.header.committed])

    @functools.cached_property
    def _ids(self) -> Int64[np.ndarray, "n"]:
        found = self._column("ids")
        if (found[1:] <= found[:-1]).any():
            raise DamagedError(f"{self.path} is damaged: its ids are not ascending")
        return found

    @functools.cached_property
    def _live(self) -> Int64[np.ndarray, "n"] | None:
        """Rows that were not removed; None when none was."""
        status = self._all_rows("status")
        if (status > layout.REMOVED).any():
            raise DamagedError(f"{self.path} is damaged: a row is neither live nor removed")
        return np.flatnonzero(status == layout.LIVE) if status.any() else None


@contextlib.contextmanager
def _told(paged: PagedFile) -> Iterator[None]:
    """Raise what the system said about reading, which HDF5 drops, and not what follows from it."""
    try:
        yield
    except BaseException as error:  # noqa: BLE001
        raise paged.failure or error from None
    if paged.failure is not None:
        raise paged.failure


def _paths(columns: Any, *, start: int, stop: int) -> Ragged:
    return text_column.part(columns["paths"], start, stop)


def _all_texts(group: text_column.Texts) -> list[str]:
    return text_column.all_texts(group, text_column.length(group))


def _among(
    known: UInt64[np.ndarray, "n"], wanted: UInt64[np.ndarray, "k"]
) -> Bool[np.ndarray, "n"]:
    """Which of many numbers are among some: most are told apart by their lowest bits."""
    table = np.zeros(1 << _TABLE_BITS, bool)
    mask = np.uint64(len(table) - 1)
    table[wanted & mask] = True
    maybe = table[known & mask]
    maybe[maybe] = np.isin(known[maybe], wanted)
    return maybe
