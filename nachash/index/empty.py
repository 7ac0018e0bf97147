"""An index without a row, written to a new file."""

from typing import Any

import h5py

from nachash.index.columns import Columns
from nachash.index.ragged import Ragged
from nachash.index.storage import layout
from nachash.index.storage.manifest import Manifest
from nachash.index.storage.paged_file import PagedFile
from nachash.index.storage.raw import through_pages
from nachash.index.storage.sealed import SealedGroup
from nachash.records import Preprocessing


def write(
    new: PagedFile,
    *,
    bits: int,
    preprocessing: Preprocessing,
    encoder: bytes,
    model: dict[str, Any],
    root: str,
    label_names: tuple[str, ...] | None = None,
) -> None:
    """Write an index without a row to an empty file."""
    userblock = layout.USER_BLOCK
    with h5py.File(new, "w", libver=("v108", "v108"), userblock_size=userblock) as file:
        identity = layout.write_attributes(
            file, bits=bits, preprocessing=preprocessing, encoder=encoder, model=model, root=root
        )
        digests = Manifest(file, {})
        group = SealedGroup(file, digests, through_pages(new.descriptor, new.pending))
        columns = Columns(file, digests, group, bits)
        for name in layout.required(labels=label_names is not None):
            if name != "encoder":
                columns.create(name)
        columns.store("encoder", encoder)
        if label_names is not None:
            columns.append_ragged("label_names", 0, Ragged.of_texts(label_names))
        columns.seal(0, 0)
    new.seek(0)
    new.write(layout.first_bytes(identity))
