"""`--no-check` reads the same from a sound index, and reads a damaged one all the same."""

import shutil

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nachash.errors import DamagedError
from nachash.index.reader import open_index
from nachash.index.rows import Changes
from nachash.index.storage.unchecked import UncheckedColumn, UncheckedGroup
from nachash.records import Skipped
from nachash.results.index import Metadata

LABELS = [f"label {number}" for number in range(40)]


@pytest.fixture(scope="module")
def written(tmp_path_factory, create_in, batch):
    """Columns of several chunks, labels of several chunks side by side, removed rows."""
    with create_in(tmp_path_factory.mktemp("full"), label_names=("first",)) as writing:
        codes, references = batch(20_000)
        one = np.ones((20_000, 1), np.uint8)
        facts = Changes(metadata=Metadata(*np.arange(60_000).reshape(3, -1)))
        writing.append(codes, references, one, [Skipped("bad", "truncated")], facts)
        writing.add_label_names(LABELS)
        wide = np.eye(41, dtype=np.uint8)[np.arange(300) % 41]
        codes, references = batch(300, seed=2)
        digests = Changes(removed=[3, 19_000], digests=np.full((300, 16), 7, np.uint8))
        writing.append(codes, references, wide, changes=digests)
    return writing.path


@pytest.fixture
def full(written, tmp_path):
    """A copy of that index."""
    return shutil.copy(written, tmp_path / "x.h5")


def content(index):
    some = np.array([0, 5, 20_100])
    return (
        index.codes().tobytes(), index.ids().tobytes(), index.sizes().tobytes(),
        index.times().tobytes(), index.labels().tobytes(), index.label_names, index.encoder,
        index.all_paths(), index.paths(some), index.errors(), index.digests().tobytes(),
        repr(index.metadata()), index.rows, index.position_of_path("folder 0/7.jpg"),
    )  # fmt: skip


def test_a_sound_index_reads_the_same(full):
    with open_index(full) as checked, open_index(full, check=False) as unchecked:
        assert content(unchecked) == content(checked)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_rows_of_any_shape_are_those_of_hdf5(data, tmp_path_factory):
    rows, width = data.draw(st.integers(0, 40)), data.draw(st.none() | st.integers(1, 9))
    shape = (rows,) if width is None else (rows, width)
    chunks = tuple(data.draw(st.integers(1, 7)) for _ in shape)
    dtype = data.draw(st.sampled_from([np.uint8, np.int64, np.int32]))
    values = np.random.default_rng(rows).integers(0, 100, shape).astype(dtype)
    start, stop = (data.draw(st.none() | st.integers(0, 45)) for _ in range(2))
    with h5py.File(tmp_path_factory.mktemp("any") / "x.h5", "w") as file:
        dataset = file.create_dataset(
            "x", data=values, chunks=chunks, maxshape=(None,) * len(shape), fletcher32=True
        )
        column = UncheckedColumn(dataset)
        assert len(column) == rows
        assert np.array_equal(column[start:stop], values[start:stop])
        if rows:
            assert np.array_equal(column[rows - 1], values[rows - 1])


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("codes", lambda index: index.codes()),
        ("ids", lambda index: index.sizes()),
        ("digests", lambda index: index.digests()),
        ("width", lambda index: index.metadata()),
        ("paths/bytes", lambda index: index.paths(np.array([0]))),
    ],
)
def test_a_damaged_chunk_is_read_when_nobody_checks(full, name, read):
    with h5py.File(full, "r") as file:
        at = file[name].id.get_chunk_info(0).byte_offset
    whole = bytearray(full.read_bytes())
    whole[at + 2] ^= 1
    full.write_bytes(whole)

    with open_index(full, check=False) as index:
        read(index)
    if name != "ids":
        with open_index(full) as index, pytest.raises(DamagedError):
            read(index)


def test_a_chunk_that_is_missing_is_damage_all_the_same(full):
    with h5py.File(full, "r+") as file:
        settings_ = {"chunks": file["size"].chunks, "maxshape": (None,)}
        del file["size"]
        file.create_dataset("size", (20_300,), np.int64, **settings_)

    with open_index(full, check=False) as index, pytest.raises(DamagedError, match=r"x\.h5"):
        index.sizes()


def test_groups_are_looked_through(full):
    with h5py.File(full, "r") as file:
        assert len(UncheckedGroup(file)["errors"]["paths"]["ends"]) == 1


def test_the_commands_have_it(encoded, nachash):
    with h5py.File(encoded, "r") as file:
        at = file["codes"].id.get_chunk_info(0).byte_offset
    whole = bytearray(encoded.read_bytes())
    whole[at] ^= 128
    encoded.write_bytes(whole)

    for line in (
        ["search", "--id", "3", "--index", "out.h5"],
        ["eval-map", "--index", "out.h5"],
        ["dedup", "out.h5", "--no-exit-code"],
        ["index", "export", "out.csv", "--index", "out.h5", "--overwrite"],
    ):
        assert nachash(*line, cwd=encoded.parent).code == 4
        assert nachash(*line, "--no-check", cwd=encoded.parent).code == 0
