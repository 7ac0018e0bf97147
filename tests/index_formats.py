"""Index files as no nachash of today writes them: of format 1, or changed and sealed again."""

import math
import uuid

import h5py
import numpy as np

from nachash.index.reader import open_index
from nachash.index.storage import layout, structure
from nachash.index.storage.digests import digests
from nachash.index.storage.manifest import COMMIT, GROUP, Manifest


def resealed(path, change):
    """Change a file of format 2 with h5py, and make its digests fit, as a forger would."""
    with h5py.File(path, "r+") as file:
        change(file)
    with h5py.File(path, "r+") as file:
        names = []

        def visit(name, item):
            if isinstance(item, h5py.Dataset):
                names.append(name)

        file.visititems(visit)
        if GROUP in file:
            del file[GROUP]
        proofs = Manifest(file, {})
        for name in names:
            if name != COMMIT and not name.startswith(f"{GROUP}/"):
                _seal(file, proofs, name)
        attributes = structure.attributes(file)
        layout.seal(file, proofs, attributes["committed"], attributes["next_id"])


def _seal(file, proofs, name):
    dataset = file[name]
    proofs.create(name)
    starts = range(0, len(dataset), dataset.chunks[0])
    tail = (0,) * (dataset.ndim - 1)
    whole = b"".join(dataset.id.read_direct_chunk((at, *tail))[1] for at in starts)
    size = math.prod(dataset.chunks) * dataset.dtype.itemsize
    fresh = digests(name, 0, np.frombuffer(whole, np.uint8), size)
    proofs.put(name, len(dataset), len(starts), 0, fresh)


def as_format_1(path, chunk_bytes=1 << 15):
    """Replace an index by one of format 1 with the same rows; it had chunks of 32 KiB."""
    old = path.with_suffix(".old")
    path.rename(old)
    block = layout.USER_BLOCK
    with (
        open_index(old) as index,
        h5py.File(path, "x", libver=("v108", "v108"), userblock_size=block) as file,
    ):
        newer = ("identity", "outside", "commit_digest")
        for name, value in index.file.attrs.items():
            if name not in newer:
                file.attrs[name] = value
        file.attrs.modify("format_version", np.int64(1))
        for name in layout.data_sets(index.header, index.file):
            if name != layout.HASHES and not name.startswith("labels/"):
                _first(file, name, index.file[name][:], chunk_bytes)
        if index.has_labels:
            found = index.block(0, index.header.committed).labels
            wide = found.multi_hot(len(index.label_names))
            columns = max(wide.shape[1], 16)
            chunks = (max(1, chunk_bytes // columns), columns)
            file.create_dataset(
                "labels", data=wide, chunks=chunks, maxshape=(None, None), fletcher32=True
            )
    with path.open("r+b") as raw:
        raw.write(layout.first_bytes(uuid.uuid4().hex))
    old.unlink()


def _first(file, name, values, chunk_bytes):
    row_bytes = values.dtype.itemsize * math.prod(values.shape[1:])
    length = max(1, chunk_bytes // row_bytes)
    if name in ("encoder", "calibration"):
        length = max(1, min(len(values), 1 << 20))
    chunks = (length, *values.shape[1:])
    maxshape = (None, *values.shape[1:])
    file.create_dataset(name, data=values, chunks=chunks, maxshape=maxshape, fletcher32=True)
