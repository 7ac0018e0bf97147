"""All columns of an index that is being written, and what makes them count."""

from dataclasses import dataclass

import h5py
import numpy as np

from nachash.index.ragged import Ragged
from nachash.index.storage import layout
from nachash.index.storage.manifest import Manifest
from nachash.index.storage.raw import ReadAt
from nachash.index.storage.sealed import SealedGroup


@dataclass(frozen=True, slots=True)
class Columns:
    """An open file of format 2; `group` reads and writes its columns."""

    file: h5py.File
    manifest: Manifest
    group: SealedGroup
    bits: int

    @classmethod
    def of(cls, file: h5py.File, header: layout.Header, read_at: ReadAt) -> "Columns":
        """The columns of an open file."""
        digests = Manifest(file, header.entries)
        return cls(file, digests, SealedGroup(file, digests, read_at), header.bits)

    def create(self, name: str) -> None:
        """Create an empty column of a name that the format knows."""
        layout.create_column(self.file, self.manifest, name, self.bits)

    def store(self, name: str, content: bytes) -> None:
        """Keep bytes under a name, in place of those that were there."""
        if name in self.group:
            self.group.forget(name)
            self.manifest.delete(name)
            del self.file[name]
        layout.create_column(self.file, self.manifest, name, self.bits, len(content))
        self.group[name].write(0, np.frombuffer(content, np.uint8))

    def append_ragged(self, name: str, row: int, added: Ragged) -> None:
        """Write rows of different lengths from `row` on; whatever stood there or later is dropped.

        Raises:
            UnprovenError: a chunk that they continue is damaged.
        """
        group = self.group[name]
        start = int(group["ends"][row - 1]) if row else 0
        group["ends"].write(row, start + added.ends)
        values = layout.LABELS[0] if name == "labels" else layout.TEXTS[0]
        group[values].write(start, added.values)

    def seal(self, committed: int, next_id: int) -> None:
        """Write what makes the present content count."""
        layout.seal(self.file, self.manifest, committed, next_id)
