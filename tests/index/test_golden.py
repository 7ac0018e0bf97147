"""An index of every format version that was ever written stays readable."""

import gzip
import importlib.util
from pathlib import Path

import h5py
import pytest

from nachash.errors import DamagedError
from nachash.index import writer
from nachash.index.reader import open_index
from nachash.index.verification import problems
from nachash.records import Preprocessing, Reference, Skipped
from nachash.tasks.index.migrate import MigrateSettings, migrate
from nachash.tasks.index.repair import RepairSettings, repair

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def written():
    """What was written into the golden file."""
    spec = importlib.util.spec_from_file_location("golden_write", GOLDEN / "write.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=[1, 2])
def golden(request, tmp_path):
    path = tmp_path / f"index-{request.param}.h5"
    path.write_bytes(gzip.decompress((GOLDEN / f"{path.name}.gz").read_bytes()))
    return path


def test_every_format_is_read(golden, written):
    rows = [0, 2, 3, 4, 5, 6]
    with open_index(golden) as index:
        assert (index.bits, index.root, index.next_id, index.removed) == (20, "/photos", 7, 1)
        assert index.ids().tolist() == rows
        assert index.codes().tolist() == written.CODES[rows].tolist()
        assert index.all_paths() == [written.NAMES[row] for row in rows]
        assert index.sizes().tolist() == [100 + row for row in rows]
        assert index.times().tolist() == [10**18 + row for row in rows]
        assert index.label_names == ("cat", "dog", "exercise")
        assert index.labels().tolist() == written.LABELS[rows].tolist()
        assert index.digests().tolist() == [[0] * 16] * 5 + [list(range(96, 112))]
        assert index.errors() == [Skipped("bad.jpg", "truncated")]
        assert index.encoder == b"not a graph, but bytes"
        assert index.preprocessing == Preprocessing(28, "bilinear", 0)
        assert index.model == {"backbone": "small", "seed": 7}


def test_every_format_is_sound_and_can_be_appended_to(golden, written):
    assert list(problems(golden)) == []
    with writer.open_for_append(golden) as index:
        assert index.header.version == 2
        index.append(written.CODES[:1], [Reference("new", 1, 2)], written.LABELS[:1])
    with open_index(golden) as index:
        assert index.ids().tolist()[-1] == 7
    assert list(problems(golden)) == []


def test_migration_keeps_rows_ids_and_what_was_removed(golden, written):
    with open_index(golden) as index:
        before = index.header.version, index.errors(), index.ids().tolist(), index.removed_images()
    said = migrate(MigrateSettings(index=golden))

    with open_index(golden) as index:
        after = index.header.version, index.errors(), index.ids().tolist(), index.removed_images()
    assert after == (2, *before[1:])
    assert ("nothing" in said) == (before[0] == 2)
    assert [each.name for each in golden.parent.iterdir()] == [golden.name]


def test_a_damaged_index_is_not_migrated(golden):
    content = bytearray(golden.read_bytes())
    with h5py.File(golden, "r") as file:
        content[file["codes"].id.get_chunk_info(0).byte_offset] ^= 1
    golden.write_bytes(content)

    if golden.name == "index-1.h5":
        with pytest.raises(DamagedError, match="codes"):
            migrate(MigrateSettings(index=golden))
    assert golden.read_bytes() == content
    result = repair(RepairSettings(index=golden))
    assert (result.images, result.lost) == (0, 7)
    assert any("format 1" in each for each in result.done) == (golden.name == "index-1.h5")
