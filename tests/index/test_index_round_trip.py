"""What is written is what is read."""

import hashlib
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_formats import as_format_1, resealed

from nachash.codes import pack
from nachash.errors import MissingError
from nachash.index import reader, writer
from nachash.index.reader import open_index
from nachash.records import Preprocessing, Reference, Skipped

# Names as POSIX has them: any bytes but NUL; those that are no UTF-8 become surrogates.
names = (
    st.binary(min_size=1, max_size=30)
    .filter(lambda name: 0 not in name)
    .map(lambda b: b.decode("utf-8", "surrogateescape"))
)


@settings(deadline=None, max_examples=20)
@given(data=st.data(), bits=st.integers(1, 200), classes=st.integers(0, 9))
def test_batches_come_back_as_they_were_written(tmp_path_factory, data, bits, classes):
    path = tmp_path_factory.mktemp("index") / "x.h5"
    sizes = data.draw(st.lists(st.integers(0, 20), max_size=5))
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    codes, labels, references, skipped = [], [], [], []
    class_names = tuple(data.draw(st.lists(names, min_size=classes, max_size=classes)))
    chosen = class_names if classes else None

    with writer.create(
        path,
        bits=bits,
        preprocessing=Preprocessing(28, "bilinear", 0),
        encoder=generator.bytes(99),
        model={"seed": 1, "weights": "ü"},
        root=data.draw(names),
        label_names=chosen,
    ) as index:
        for size in sizes:
            codes.append(pack(generator.random((size, bits)) < 0.5))
            labels.append(generator.integers(0, 2, (size, classes), dtype=np.uint8))
            texts = data.draw(st.lists(names, min_size=size, max_size=size))
            numbers = generator.integers(0, 2**60, size).tolist()
            references.append([Reference(t, n, n) for t, n in zip(texts, numbers, strict=True)])
            skipped.append([Skipped(f"bad {size}", "truncated")] * (size % 3))
            index.append(codes[-1], references[-1], labels[-1] if classes else None, skipped[-1])

    flat = [reference for part in references for reference in part]
    with open_index(path) as index:
        assert index.rows == len(flat)
        assert index.codes().tolist() == [row for part in codes for row in part.tolist()]
        assert index.ids().tolist() == list(range(len(flat)))
        assert index.all_paths() == [reference.path for reference in flat]
        assert index.sizes().tolist() == [reference.size for reference in flat]
        assert index.times().tolist() == [reference.mtime_ns for reference in flat]
        assert index.errors() == list(dict.fromkeys(image for part in skipped for image in part))
        assert (index.bits, index.label_names) == (bits, chosen)
        assert index.model == {"seed": 1, "weights": "ü"}
        assert index.preprocessing == Preprocessing(28, "bilinear", 0)
        if classes:
            assert index.labels().tolist() == [row for part in labels for row in part.tolist()]


def test_the_encoder_and_its_fingerprint_come_back(create):
    writing = create(encoder=b"graph" * 500_000)
    writing.close()

    with open_index(writing.path) as index:
        assert index.encoder == b"graph" * 500_000
        assert index.fingerprint == hashlib.sha256(index.encoder).hexdigest()


def test_an_index_is_readable_while_and_after_it_is_written(create, batch):
    with create() as writing:
        for rows in range(0, 15, 5):
            with open_index(writing.path) as index:
                assert index.rows == rows
            writing.append(*batch(5, seed=rows))
    with open_index(writing.path) as index:
        assert index.rows == 15


def test_appending_later_continues_ids_and_paths(create, batch):
    with create() as first:
        first.append(*batch(7, seed=1))
    with writer.open_for_append(first.path) as second:
        assert (second.rows, second.bits) == (7, 12)
        second.append(*batch(3, seed=2), skipped=[Skipped("a", "b")])

    with open_index(first.path) as index:
        assert index.ids().tolist() == list(range(10))
        assert index.all_paths()[6:8] == ["folder 1/6.jpg", "folder 2/0.jpg"]
        assert second.fingerprint == index.fingerprint


def test_an_image_is_found_by_id_and_by_path(create, batch):
    with create() as writing:
        for seed in range(3):
            writing.append(*batch(40, seed=seed))

    with open_index(writing.path) as index:
        assert index.position_of_id(83) == 83
        assert index.position_of_path("folder 2/3.jpg") == 83
        assert index.paths(np.array([83, 0, 83])) == [
            f"folder {where}.jpg" for where in ("2/3", "0/0", "2/3")
        ]
        everything = np.arange(120)[::-1].copy()
        assert index.paths(everything) == index.all_paths()[::-1]
        for absent in (lambda: index.position_of_id(120), lambda: index.position_of_path("3.jpg")):
            with pytest.raises(MissingError):
                absent()


def test_removed_rows_are_not_there_and_the_others_keep_their_ids(create, batch):
    codes, references = batch(10)
    with create() as writing:
        writing.append(codes, references)
    resealed(writing.path, lambda file: file["status"].__setitem__([2, 7], 1))

    with open_index(writing.path) as index:
        kept = [0, 1, 3, 4, 5, 6, 8, 9]
        assert index.rows == 8
        assert index.ids().tolist() == kept
        assert index.codes().tolist() == codes[kept].tolist()
        assert index.all_paths() == [references[row].path for row in kept]
        assert index.paths(np.array([2, 7])) == [references[3].path, references[9].path]
        assert index.position_of_id(9) == index.position_of_path("folder 0/9.jpg") == 7
        with pytest.raises(MissingError):
            index.position_of_path("folder 0/7.jpg")
        with pytest.raises(MissingError):
            index.position_of_id(2)


def test_rows_beyond_the_committed_ones_do_not_exist_and_are_overwritten(create, batch):
    """As another writer of format 1, without our journal, may leave the file."""
    with create() as writing:
        writing.append(*batch(9, seed=1))
    as_format_1(writing.path)
    with h5py.File(writing.path, "r+") as file:
        file.attrs.modify("committed", np.int64(4))
        file.attrs.modify("next_id", np.int64(4))

    with open_index(writing.path) as index:
        assert (index.rows, len(index.codes()), len(index.all_paths())) == (4, 4, 4)
    with writer.open_for_append(writing.path) as second:
        second.append(*batch(2, seed=2))
    with open_index(writing.path) as index:
        assert index.all_paths()[3:] == ["folder 1/3.jpg", "folder 2/0.jpg", "folder 2/1.jpg"]
        assert index.codes()[4:].tolist() == batch(2, seed=2)[0].tolist()


def test_labels_that_are_not_there_are_missed_by_name(create, batch):
    with create() as writing:
        writing.append(*batch(2))

    with open_index(writing.path) as index:
        assert not index.has_labels
        assert index.label_names is None
        with pytest.raises(MissingError, match="no labels"):
            index.labels()


def test_a_few_paths_of_many_are_read_without_the_others(create, batch, tmp_path):
    """The bytes that the process reads are counted by the kernel."""
    with create() as writing:
        for seed in range(10):
            writing.append(*batch(8_000, seed=seed))

    with open_index(writing.path) as index:
        before = _bytes_read()
        paths = index.paths(np.arange(10) * 8_000)
        read = _bytes_read() - before

    assert paths == [f"folder {seed}/0.jpg" for seed in range(10)]
    assert read < writing.path.stat().st_size / 4


def _bytes_read():
    return int(Path("/proc/self/io").read_text().split()[1])


def test_opening_reads_no_row(create, batch):
    with create() as writing:
        writing.append(*batch(40_000))

    before = _bytes_read()
    with reader.open_index(writing.path) as index:
        assert _bytes_read() - before < writing.path.stat().st_size / 4
        assert index.rows == 40_000


def test_the_code_in_the_documentation_reads_an_index(create, batch, monkeypatch):
    with create("out.h5") as writing:
        writing.append(*batch(3))
    page = Path(__file__).parents[2] / "docs" / "index-format.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    found = {}

    monkeypatch.chdir(writing.path.parent)
    exec(code, found)

    assert found["first"] == "folder 0/0.jpg"
    assert (pack(found["bits"] > 0) == batch(3)[0]).all()
