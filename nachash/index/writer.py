"""Creates an index and appends batches of rows; a batch counts wholly or not at all."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Unpack, final

import h5py
import numpy as np

from nachash.codes import checked_bits
from nachash.errors import IncompatibleError, StorageError
from nachash.index import empty, migration, path_rules, rows
from nachash.index.columns import Columns
from nachash.index.error_log import ErrorLog
from nachash.index.facts import Facts
from nachash.index.ragged import Ragged
from nachash.index.row_block import RowBlock, path_hashes
from nachash.index.rows import Changes
from nachash.index.storage import layout, naming
from nachash.index.storage.interruption import postponed
from nachash.index.storage.journal import Journal, write_pages
from nachash.index.storage.lock import Lock
from nachash.index.storage.opening import checked_file, damage, proof, storage
from nachash.index.storage.paged_file import PagedFile, Pages
from nachash.index.storage.raw import through_pages
from nachash.records import Reference, Skipped
from nachash.shapes import UInt8

_NO_CHANGES: Final = Changes()


def create(path: Path, **facts: Unpack[Facts]) -> "IndexWriter":
    """A writer of a new index; the file appears under its name when it is already readable.

    Raises:
        ExistsError: there is such a file; it is not touched.
        StorageError: it cannot be written.
        UsageError: a code of `bits` bits is not possible.
    """
    if os.path.lexists(naming.real(path)):
        raise naming.exists(path)
    checked_bits(facts["bits"])
    with naming.new_file(path) as new:
        fill(new, **facts).close()
        new.take_name()
    return open_for_append(path)


def fill(new: naming.NewFile, **facts: Unpack[Facts]) -> "IndexWriter":
    """A writer of an index that is being built, which nobody sees before it gets its name.

    Raises:
        StorageError: it cannot be written.
        UsageError: a code of `bits` bits is not possible.
    """
    checked_bits(facts["bits"])
    with storage(new.path):
        paged = PagedFile(new.descriptor, Pages(0))
        empty.write(paged, **facts)
        if paged.failure is not None:
            raise paged.failure
        write_pages(new.descriptor, paged.pending, synchronise=False)
        return IndexWriter(new.path, os.dup(new.descriptor), None)


def open_for_append(path: Path) -> "IndexWriter":
    """A writer that continues an index after its last committed row.

    An index of an older format is brought to the present one before that.

    Raises:
        MissingError: there is no such file.
        DamagedError: it is not an index, or damaged.
        IncompatibleError: a newer nachash wrote it.
        StorageError: it cannot be written, or another process writes it.
    """
    opened = _opened(path)
    if opened.header.version == layout.FORMAT_VERSION:
        return opened
    with opened:
        _renew(opened)
    return _opened(path)


def finish(path: Path) -> None:
    """Finish what a killed writer had committed; nothing else is changed.

    Raises: as `open_for_append`.
    """
    _opened(path).close()


def _opened(path: Path) -> "IndexWriter":
    checked_file(path)
    place = naming.real(path)
    with contextlib.ExitStack() as unless_opened, storage(path):
        descriptor = os.open(place, os.O_RDWR | getattr(os, "O_BINARY", 0))
        unless_opened.callback(os.close, descriptor)
        lock = Lock(place, descriptor, path)
        unless_opened.callback(lock.release)
        if not naming.is_still(place, descriptor):
            raise StorageError(f"{path} was replaced at this moment", "try it again")
        naming.drop_leftover(place)
        opened = IndexWriter(path, descriptor, lock)
        unless_opened.pop_all()
    return opened


def _renew(old: "IndexWriter") -> None:
    """Replace an index of an older format by one of the present format, under its lock."""
    naming.require_one_name(old.path)
    with naming.new_file(old.path) as new:
        migration.rewrite(old.path, lambda **facts: fill(new, **facts))
        old.take_over(new)


@final
class IndexWriter:
    """An index being written; made by `create`, `fill` and `open_for_append`, closed by `with`."""

    def __init__(self, path: Path, descriptor: int, lock: Lock | None) -> None:
        """Open a file that is locked, or one that nobody sees yet and that needs no journal."""
        self.path = path
        self._descriptor = descriptor
        self._lock = lock
        self._journal = None if lock is None else Journal(descriptor)
        self._pending = Pages(os.fstat(descriptor).st_size)
        with damage(path):
            self._paged = PagedFile(descriptor, self._pending)
            self._file = h5py.File(self._paged, "r+", libver=("v108", "v108"))
            with contextlib.ExitStack() as unless_an_index:
                unless_an_index.callback(self._file.close)
                self.header = layout.read_header(self._file, path)
                _require_known_columns(self.header, path)
                self._drop_half_journal()
                unless_an_index.pop_all()
        self.rows = self.header.committed
        self._next_id = self.header.next_id
        read_at = through_pages(descriptor, self._pending)
        self._columns = Columns.of(self._file, self.header, read_at)
        self._errors = ErrorLog(self._columns)

    @property
    def bits(self) -> int:
        """Length of the codes."""
        return self.header.bits

    @property
    def next_id(self) -> int:
        """The id that the next new row gets."""
        return self._next_id

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the encoder that made the codes, in hex."""
        return self.header.encoder_fingerprint

    @property
    def has_labels(self) -> bool:
        """Whether the images have labels."""
        return "labels" in self._columns.group

    def append(
        self,
        codes: UInt8[np.ndarray, "n bytes"],
        references: Sequence[Reference],
        labels: UInt8[np.ndarray, "n classes"] | Ragged | None = None,
        skipped: Sequence[Skipped] = (),
        changes: Changes = _NO_CHANGES,
    ) -> None:
        """Write one batch and commit it; after an error the index is as it was before.

        Labels are rows of zeros and ones, or ascending places among the names of labels.

        Raises:
            StorageError: the disk is full or fails; this writer can then only be closed.
        """
        assert len(codes) == len(references)
        assert (labels is not None) == self.has_labels
        count = len(codes)
        following = np.arange(self._next_id, self._next_id + count)
        ids = following if changes.ids is None else changes.ids
        block = rows.block_of(codes, references, labels, ids, changes)
        self.append_block(block, skipped, changes)

    def append_block(
        self, block: RowBlock, skipped: Sequence[Skipped] = (), changes: Changes = _NO_CHANGES
    ) -> None:
        """Write and commit rows as they are stored, their ids above all that were used.

        Raises:
            StorageError: the disk is full or fails; this writer can then only be closed.
        """
        ids = block.columns["ids"]
        with self._transaction():
            rows.change(self._columns, self.rows, changes)
            rows.append(self._columns, self.rows, block, path_hashes(block.paths))
            self._errors.write(skipped, changes.found)
            if path_rules.leaving(block.paths).any():
                self._file.attrs.modify("outside", np.int64(1))
            following = max(self._next_id, int(ids[-1]) + 1 if len(ids) else 0)
            self._commit(self.rows + len(block), following)

    def change(self, changes: Changes = _NO_CHANGES, skipped: Sequence[Skipped] = ()) -> None:
        """Commit changes that add no row.

        Raises:
            StorageError: the disk is full or fails; this writer can then only be closed.
        """
        with self._transaction():
            rows.change(self._columns, self.rows, changes)
            self._errors.write(skipped, changes.found)
            self._commit(self.rows, self._next_id)

    def add_label_names(self, names: Sequence[str]) -> None:
        """Commit further label names, which no image has so far.

        Raises:
            StorageError: the disk is full or fails; this writer can then only be closed.
        """
        with self._transaction():
            rows.add_label_names(self._columns, names)
            self._commit(self.rows, self._next_id)

    def reserve_ids(self, next_id: int) -> None:
        """Commit that ids below `next_id` were used."""
        with self._transaction():
            self._commit(self.rows, max(self._next_id, next_id))

    def take_over(self, new: naming.NewFile) -> None:
        """Let a complete index take the place of this one, under its lock; then close this one."""
        new.replace()
        self.close()

    def store_calibration(self, text: str) -> None:
        """Write what `calibrate` measured, in place of what was there; all or nothing.

        Raises:
            StorageError: the disk is full or fails; this writer can then only be closed.
        """
        with self._transaction():
            self._columns.store(layout.CALIBRATION, text.encode())
            self._commit(self.rows, self._next_id)

    def store_root(self, root: str) -> None:
        """Say that the paths are relative to another root from now on.

        Raises:
            StorageError: the disk is full or fails; this writer can then only be closed.
        """
        with self._transaction():
            layout.write_root(self._file, root)
            self._commit(self.rows, self._next_id)

    def close(self) -> None:
        """Close the file and give the lock back."""
        if self._descriptor < 0:
            return
        with storage(self.path):
            self._file.close()
            if self._lock is not None:
                self._lock.release()
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "IndexWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _commit(self, rows: int, next_id: int) -> None:
        self._columns.seal(rows, next_id)
        self._file.flush()
        if self._paged.failure is not None:
            raise self._paged.failure
        if self._journal is None:
            write_pages(self._descriptor, self._pending, synchronise=False)
        else:
            self._journal.commit(self._pending)
        self._pending.pages.clear()
        self._next_id = next_id
        self.rows = rows

    def _drop_half_journal(self) -> None:
        """Cut off what a writer left that was killed before its journal was whole."""
        before = self._pending.size
        self._file.flush()  # HDF5 knows where the index ends
        if self._pending.size < before:
            os.ftruncate(self._descriptor, self._pending.size)
            self._pending.pages.clear()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with postponed(), storage(self.path), proof(self.path), self._all_or_nothing():
            yield

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


def _require_known_columns(header: layout.Header, path: Path) -> None:
    unknown = [name for name in header.entries if not layout.is_known(name)]
    if unknown:
        raise IncompatibleError(
            f"{path} holds {', '.join(unknown)}, which this nachash cannot extend",
            "upgrade nachash: pip install --upgrade nachash",
        )
