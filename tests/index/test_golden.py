"""An index of every format version that was ever written stays readable."""

import gzip
import importlib.util
from pathlib import Path

import pytest

from nachash.index import writer
from nachash.index.reader import open_index
from nachash.index.verification import problems
from nachash.records import Preprocessing, Reference, Skipped

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def written():
    """What was written into the golden file."""
    spec = importlib.util.spec_from_file_location("golden_write", GOLDEN / "write.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def golden(tmp_path):
    path = tmp_path / "index-1.h5"
    path.write_bytes(gzip.decompress((GOLDEN / "index-1.h5.gz").read_bytes()))
    return path


def test_format_1_is_read(golden, written):
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


def test_format_1_is_sound_and_can_be_appended_to(golden, written):
    assert list(problems(golden)) == []
    with writer.open_for_append(golden) as index:
        index.append(written.CODES[:1], [Reference("new", 1, 2)], written.LABELS[:1])
    with open_index(golden) as index:
        assert index.ids().tolist()[-1] == 7
    assert list(problems(golden)) == []
