"""Damages of whole chunks, and index files as a stranger may send them: deterministic generators.

`chunk_attacks` is what a disk, a copy or a bug does to a file: chunks of zeros, of ones, exchanged,
shifted, of an older state. `strange_files` is what only malice writes. `make attack` runs more.
"""

import os
import random

import h5py
import numpy as np

from nachash.index import writer
from nachash.index.rows import Changes
from nachash.index.storage import layout
from nachash.records import Preprocessing, Reference, Skipped
from nachash.results.index import Metadata

KINDS = ("zero", "ones", "swap", "shift", "older")
ROWS = 300
SMALL_CHUNKS = 256  # bytes, so that a small file has several chunks of every column


def build(path, monkeypatch, rows=ROWS):
    """An index with all that there can be, in small chunks; returns its states in order."""
    monkeypatch.setattr(layout, "_CHUNK_BYTES", SMALL_CHUNKS)
    generator = np.random.default_rng(0)
    states = []
    with writer.create(
        path,
        bits=60,
        preprocessing=Preprocessing(32),
        encoder=generator.bytes(900),
        model={},
        root="/pictures",
        label_names=tuple(f"label {number}" for number in range(60)),
    ) as index:
        for part in range(3):
            ids = np.arange(part * rows // 3, (part + 1) * rows // 3)
            count = len(ids)
            codes = generator.integers(0, 256, (count, 8), np.uint8) & np.array(
                [255] * 7 + [240], np.uint8
            )
            references = [
                Reference(f"{number % 7}/{number:06}.jpg", 10**6 + number, 10**18 + number)
                for number in ids.tolist()
            ]
            labels = (generator.random((count, 60)) < 0.04).astype(np.uint8)
            facts = Metadata(*(generator.integers(1, 9000, count) for _ in range(3)))
            changes = Changes(
                metadata=facts, digests=generator.integers(0, 256, (count, 16), np.uint8)
            )
            skipped = [Skipped(f"bad {part} {n}.jpg", f"truncated {n}") for n in range(60)]
            index.append(codes, references, labels, skipped, changes)
            states.append(path.read_bytes())
        index.change(Changes(removed=range(5, rows, 9), times={n: n for n in range(0, rows, 2)}))
        index.store_calibration('{"some": "thing"}')
    return [*states, path.read_bytes()]


def chunks(content, folder):
    """Name of data set to the place and size of each of its chunks, in order."""
    path = folder / "looked-at.h5"
    path.write_bytes(content)
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            places = []
            item.id.chunk_iter(lambda each: places.append((each.chunk_offset, each)))
            found[name] = [(each.byte_offset, each.size) for _, each in sorted(places, key=_first)]

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def _first(place):
    return place[0]


def chunk_attack(kind, states, places, name, seed=0):
    """The last state with chunks of one data set damaged; None where that changes nothing.

    `places` are those of the first and of the last state.
    """
    whole = bytearray(states[-1])
    here = places[-1][name]
    generator = random.Random(f"{kind} {name} {seed}")
    at, size = generator.choice(here)
    if kind in ("zero", "ones"):
        whole[at : at + size] = (b"\0" if kind == "zero" else b"\xff") * size
    elif kind == "swap" and len(here) > 1:
        (one, _), (other, _) = generator.sample(here, 2)
        whole[one : one + size], whole[other : other + size] = (
            whole[other : other + size],
            whole[one : one + size],
        )
    elif kind == "shift":
        moved = [bytes(whole[each : each + size]) for each, _ in here]
        for (each, _), content in zip(here[1:], moved, strict=False):
            whole[each : each + size] = content
    elif kind == "older":
        for (now, _), (then, _) in zip(here, places[0].get(name, ()), strict=False):
            whole[now : now + size] = states[0][then : then + size]
    return None if whole == states[-1] else bytes(whole)


def random_attack(states, seed):
    """The last state with some blocks of zeros, of ones, of another place or of an older state."""
    generator = random.Random(seed)
    whole = bytearray(states[-1])
    for _ in range(generator.choice((1, 1, 2, 4))):
        size = generator.choice((16, 512, 4096, 65536))
        at = generator.randrange(0, max(1, len(whole) - size), generator.choice((1, 16, 512)))
        other = generator.randrange(0, max(1, len(whole) - size))
        whole[at : at + size] = generator.choice(
            (
                bytes(size),
                b"\xff" * size,
                bytes(whole[other : other + size]),
                states[0][at : at + size].ljust(size, b"\0"),
                generator.randbytes(size),
            )
        )[: len(whole) - at]
    return bytes(whole)


def _replaced(name, make):
    def change(file):
        if name in file:
            del file[name]
        make(file, name)

    return change


def _external_link(file, name):
    file[name] = h5py.ExternalLink("elsewhere.h5", f"/{name}")


def _soft_link(file, name):
    file[name] = h5py.SoftLink("/ids")


def _outside(file, name):
    file.create_dataset(name, (300,), np.int64, external=[("elsewhere.bin", 0, h5py.h5f.UNLIMITED)])


def _virtual(file, name):
    form = h5py.VirtualLayout((300,), np.int64)
    form[:] = h5py.VirtualSource("elsewhere.h5", "ids", (300,))
    file.create_virtual_dataset(name, form)


def _huge(file, name):
    file.create_dataset(name, (2**50,), np.int64, chunks=(64,), maxshape=(None,))


def _wide(file, name):
    file.create_dataset(name, (300, 2**40), np.uint8, chunks=(64, 64), maxshape=(None, None))


def _huge_chunk(file, name):
    file.create_dataset(name, (300,), np.int64, chunks=(2**28,), maxshape=(None,))


def _floats(file, name):
    file.create_dataset(name, (300,), np.float64, chunks=(64,), maxshape=(None,))


def _big_endian(file, name):
    file.create_dataset(name, (300,), ">i8", chunks=(64,), maxshape=(None,))


def _huge_with_checksum(file, name):
    file.create_dataset(name, (2**50,), np.int64, chunks=(64,), maxshape=(None,), fletcher32=True)


def _floats_with_checksum(file, name):
    file.create_dataset(name, (300,), float, chunks=(64,), maxshape=(None,), fletcher32=True)


def _strings(file, name):
    file.create_dataset(name, (300,), h5py.string_dtype(), chunks=(64,), maxshape=(None,))


def _contiguous(file, name):
    file.create_dataset(name, data=np.arange(300))


def _packed(file, name):
    file.create_dataset(name, data=np.arange(300), chunks=(64,), maxshape=(None,), compression=9)


def _scalar(file, name):
    file.create_dataset(name, data=np.int64(3))


def _group(file, name):
    file.create_group(name)


def _nothing(file, name):
    pass


PARTS = (
    _external_link, _soft_link, _outside, _virtual, _huge, _wide, _huge_chunk, _floats, _big_endian,
    _huge_with_checksum, _floats_with_checksum, _strings, _contiguous, _packed, _scalar, _group,
    _nothing,
)  # fmt: skip


def strange_parts(names):
    """A name, and a change of an open file that puts something else in a data set's place."""
    for name in names:
        for make in PARTS:
            yield f"{name}-{make.__name__.strip('_')}", _replaced(name, make)


def strange_attributes(names):
    """The same for root attributes: arrays, other types, impossible values."""
    values = {
        "array": np.arange(5),
        "float": 2.5,
        "text": "a text of variable length",
        "bytes": np.bytes_(b"[1, 2"),
        "negative": np.int64(-1),
        "huge": np.int64(2**62),
        "true": True,
        "empty": h5py.Empty("f8"),
    }
    for name in names:
        for kind, value in values.items():
            yield f"{name}-{kind}", lambda file, n=name, v=value: file.attrs.create(n, v)


def fifo(path):
    """A name that waits for ever when it is opened."""
    os.mkfifo(path)
    return path
