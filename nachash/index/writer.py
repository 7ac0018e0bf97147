"""Creates an index and appends batches of rows; a batch counts wholly or not at all."""

import contextlib
import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, final

import h5py
import numpy as np

from nachash.codes import checked_bits
from nachash.errors import ExistsError, StorageError
from nachash.index import layout, text_column
from nachash.index.interruption import postponed
from nachash.index.journal import Journal, beside
from nachash.index.opening import checked_file, damage
from nachash.index.paged_file import PagedFile, Pages
from nachash.records import Preprocessing, Reference, Skipped
from nachash.shapes import UInt8


def create(
    path: Path,
    *,
    bits: int,
    preprocessing: Preprocessing,
    encoder: bytes,
    model: dict[str, Any],
    root: str,
    label_names: tuple[str, ...] | None = None,
) -> "IndexWriter":
    """A writer of a new index; the file appears under its name when it is already readable.

    Raises:
        ExistsError: there is such a file; it is not touched.
        StorageError: it cannot be written.
        UsageError: a code of `bits` bits is not possible.
    """
    if path.exists() or path.is_symlink():
        raise _exists(path)
    unborn = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    with _storage(path):
        try:
            layout.write_empty(
                unborn,
                bits=checked_bits(bits),
                preprocessing=preprocessing,
                encoder=encoder,
                model=model,
                root=root,
                label_names=label_names,
            )
            _name(unborn, path)
        finally:
            unborn.unlink(missing_ok=True)
    return open_for_append(path)


def open_for_append(path: Path) -> "IndexWriter":
    """A writer that continues an index after its last committed row.

    Raises:
        MissingError: there is no such file.
        DamagedError: it is not an index, or damaged.
        IncompatibleError: a newer nachash wrote it.
        StorageError: it cannot be written, or another process writes it.
    """
    checked_file(path)
    with _storage(path):
        descriptor = os.open(path, os.O_RDWR)
    try:
        with _storage(path):
            journal = Journal(path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    try:
        return IndexWriter(path, descriptor, journal)
    except BaseException:
        journal.close()
        os.close(descriptor)
        raise


@final
class IndexWriter:
    """An index being written; made by `create` and `open_for_append`, closed by `with`."""

    def __init__(self, path: Path, descriptor: int, journal: Journal) -> None:
        self.path = path
        self._descriptor = descriptor
        self._journal = journal
        self._pending = Pages(os.fstat(descriptor).st_size)
        with damage(path):
            self._paged = PagedFile(descriptor, self._pending)
            self._file = h5py.File(self._paged, "r+", libver=("v108", "v108"))
            with contextlib.ExitStack() as unless_an_index:
                unless_an_index.callback(self._file.close)
                self.header = layout.read_header(self._file, path)
                unless_an_index.pop_all()
        self.rows = self.header.committed
        self._next_id = self.header.next_id

    @property
    def bits(self) -> int:
        """Length of the codes."""
        return self.header.bits

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the encoder that made the codes, in hex."""
        return self.header.encoder_fingerprint

    def append(
        self,
        codes: UInt8[np.ndarray, "n bytes"],
        references: Sequence[Reference],
        labels: UInt8[np.ndarray, "n classes"] | None = None,
        skipped: Sequence[Skipped] = (),
    ) -> None:
        """Write one batch and commit it; after an error the index is as it was before.

        Raises:
            StorageError: the disk is full or fails; this writer can then only be closed.
        """
        assert len(codes) == len(references)
        assert (labels is not None) == ("labels" in self._file)
        with postponed(), _storage(self.path), self._all_or_nothing():
            self._write_rows(codes, references, labels)
            self._write_errors(skipped)
            self._commit(self.rows + len(codes))

    def store_calibration(self, text: str) -> None:
        """Write what `calibrate` measured, in place of what was there; all or nothing.

        Raises:
            StorageError: the disk is full or fails; this writer can then only be closed.
        """
        stored = np.frombuffer(text.encode(), np.uint8)
        with postponed(), _storage(self.path), self._all_or_nothing():
            if layout.CALIBRATION in self._file:
                del self._file[layout.CALIBRATION]
            self._file.create_dataset(
                layout.CALIBRATION, data=stored, chunks=(stored.size,), fletcher32=True
            )
            self._commit(self.rows)

    def close(self) -> None:
        """Close the file and give the lock back."""
        if self._descriptor < 0:
            return
        with _storage(self.path):
            self._file.close()
            self._journal.close()
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "IndexWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _write_rows(
        self,
        codes: UInt8[np.ndarray, "n bytes"],
        references: Sequence[Reference],
        labels: UInt8[np.ndarray, "n classes"] | None,
    ) -> None:
        columns = {
            "codes": codes,
            "ids": np.arange(self._next_id, self._next_id + len(codes)),
            "size": np.array([reference.size for reference in references], np.int64),
            "mtime_ns": np.array([reference.mtime_ns for reference in references], np.int64),
            "status": np.full(len(codes), layout.LIVE, np.uint8),
        } | ({} if labels is None else {"labels": labels})
        for name, values in columns.items():
            self._file[name].resize(self.rows + len(codes), axis=0)
            self._file[name][self.rows :] = values
        paths = [reference.path for reference in references]
        text_column.append(self._file["paths"], self.rows, paths)

    def _write_errors(self, skipped: Sequence[Skipped]) -> None:
        errors = self._file["errors"]
        row = text_column.length(errors["paths"])
        text_column.append(errors["paths"], row, [image.path for image in skipped])
        text_column.append(errors["reasons"], row, [image.reason for image in skipped])

    def _commit(self, rows: int) -> None:
        self._file.attrs.modify("committed", np.int64(rows))
        self._file.attrs.modify("next_id", np.int64(self._next_id + rows - self.rows))
        self._file.flush()
        if self._paged.failure is not None:
            raise self._paged.failure
        self._journal.commit(self._pending)
        self._pending.pages.clear()
        self._next_id += rows - self.rows
        self.rows = rows

    @contextlib.contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:  # noqa: BLE001
            self._abandon()
            raise self._paged.failure or error from None

    def _abandon(self) -> None:
        # What HDF5 holds no longer matches the disk: let it write into memory, and forget it.
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            self._file.close()
        self._pending.pages.clear()
        self.close()


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}",
            "free some space or choose another place; what was committed is still there",
        ) from error


def _name(unborn: Path, path: Path) -> None:
    """Give the file its name without ever replacing another one."""
    with unborn.open("rb") as file:
        os.fsync(file.fileno())
    beside(path).unlink(missing_ok=True)
    try:
        os.link(unborn, path)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError:  # a file system without hard links
        unborn.rename(path)


def _exists(path: Path) -> ExistsError:
    return ExistsError(f"{path} exists already", "overwrite it with --overwrite")
