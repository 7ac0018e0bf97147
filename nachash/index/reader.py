"""Reads an index: only rows that were committed and not removed exist."""

import functools
import os
from pathlib import Path
from types import TracebackType
from typing import Any, final

import h5py
import numpy as np

from nachash import codes as code
from nachash.errors import DamagedError, MissingError
from nachash.index.error_log import last_words
from nachash.index.ragged import Ragged
from nachash.index.storage import layout, text_column
from nachash.index.storage.chunks import check_complete
from nachash.index.storage.journal import committed_pages
from nachash.index.storage.opening import checked_file, damage
from nachash.index.storage.paged_file import PagedFile
from nachash.index.storage.unchecked import UncheckedGroup
from nachash.records import Preprocessing, Skipped
from nachash.results.index import Metadata
from nachash.shapes import Int64, UInt8


def open_index(path: Path, *, check: bool = True) -> "Index":
    """An index, open for reading; without `check`, checksums of its columns are not compared.

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

    Every method raises DamagedError when it meets bytes that do not match their checksum; without
    `check`, those of the encoder alone. `file` and `header` are for those who look at all rows,
    also at removed ones.
    """

    def __init__(self, path: Path, *, check: bool = True) -> None:
        self.path = path
        self._check = check
        with damage(path):
            self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            with damage(path):
                self.file = _opened(path, self._descriptor)
                self.header = layout.read_header(self.file, path)
                self._columns = self.file if check else UncheckedGroup(self.file)
        except BaseException:
            os.close(self._descriptor)
            raise

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            self.file.close()
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "Index":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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
        return "labels" in self.file

    @functools.cached_property
    def label_names(self) -> tuple[str, ...] | None:
        """A name for each column of `labels()`; None without labels."""
        if not self.has_labels:
            return None
        with damage(self.path):
            names = self._texts("label_names")
            return tuple(text_column.all_texts(names, text_column.length(names)))

    @functools.cached_property
    def encoder(self) -> bytes:
        """The ONNX graph that made the codes."""
        with damage(self.path):
            check_complete(self.file["encoder"], len(self.file["encoder"]))
            return self.file["encoder"][:].tobytes()

    @property
    def calibration(self) -> str | None:
        """What `calibrate` measured, as JSON; None when it has not run."""
        with damage(self.path):
            if layout.CALIBRATION not in self.file:
                return None
            stored = self.file[layout.CALIBRATION]
            check_complete(stored, len(stored))
            return stored[:].tobytes().decode()

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

    def digests(self) -> UInt8[np.ndarray, "n digest"] | None:
        """BLAKE2b of each image file's contents, zeros where it is not known; None without any."""
        return self._column("digests") if "digests" in self.file else None

    @property
    def has_metadata(self) -> bool:
        """Whether sizes of pictures and times of exposure were recorded."""
        return layout.METADATA.keys() <= self.file.keys()

    def metadata(self) -> Metadata | None:
        """Size and time of exposure of every row; None where they were not recorded."""
        if not self.has_metadata:
            return None
        return Metadata(*(self._column(name).astype(np.int64) for name in layout.METADATA))

    def labels(self) -> UInt8[np.ndarray, "n classes"]:
        """The multi-hot labels of every row.

        Raises:
            MissingError: the index has no labels.
        """
        if not self.has_labels:
            raise MissingError(
                f"{self.path} has no labels", "encode the images again with --labels folder"
            )
        return self._column("labels")

    def paths(self, positions: Int64[np.ndarray, "k"]) -> list[str]:
        """The paths of some rows, without reading those of the others."""
        rows = positions if self._live is None else self._live[positions]
        with damage(self.path):
            return text_column.read(self._paths, rows)

    def all_paths(self) -> list[str]:
        """The path of every row."""
        with damage(self.path):
            paths = text_column.all_texts(self._paths, self.header.committed)
        return paths if self._live is None else [paths[row] for row in self._live]

    def path_bytes(self) -> Ragged:
        """The path of every row as bytes, without a string for each."""
        with damage(self.path):
            paths = text_column.packed(self._paths, self.header.committed)
        return paths if self._live is None else paths.take(self._live)

    def removed_images(self) -> dict[int, str]:
        """Paths by id of the rows that were removed and still take room, ids ascending."""
        if self._live is None:
            return {}
        gone = np.setdiff1d(np.arange(self.header.committed), self._live, assume_unique=True)
        with damage(self.path):
            paths = text_column.read(self._paths, gone)
        return dict(zip(self._all_rows("ids")[gone].tolist(), paths, strict=True))

    def errors(self) -> list[Skipped]:
        """Images that were skipped, and why."""
        with damage(self.path):
            places, why = self._texts("errors/paths"), self._texts("errors/reasons")
            count = text_column.length(places)
            paths = text_column.all_texts(places, count)
            reasons = text_column.all_texts(why, count)
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
        wanted = path.encode("utf-8", "surrogateescape")
        with damage(self.path):
            starts, ends, blob = text_column.whole(self._paths, self.header.committed)
        candidates = np.flatnonzero(ends - starts == len(wanted))
        for row in candidates if self._live is None else np.intersect1d(candidates, self._live):
            if blob[starts[row] : ends[row]] == wanted:
                return int(row if self._live is None else np.searchsorted(self._live, row))
        raise MissingError(f"{self.path} has no image {path}", "name it as the index does")

    @functools.cached_property
    def _paths(self) -> text_column.Texts:
        return self._texts("paths")

    def _texts(self, name: str) -> text_column.Texts:
        """A text column, its chunks checked."""
        if self._check:
            group = self.file[name]
            text_column.check_complete(group, text_column.length(group))
        return self._columns[name]

    def _column(self, name: str) -> np.ndarray:
        values = self._all_rows(name)
        return values if self._live is None else values[self._live]

    def _all_rows(self, name: str) -> np.ndarray:
        """A column with its removed rows."""
        with damage(self.path):
            if self._check:
                check_complete(self.file[name], self.header.committed)
            return self._columns[name][: self.header.committed]

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


def _opened(path: Path, descriptor: int) -> h5py.File:
    pages = committed_pages(descriptor)
    if pages is None:
        return h5py.File(path, "r", locking=False)
    return h5py.File(PagedFile(descriptor, pages), "r")
