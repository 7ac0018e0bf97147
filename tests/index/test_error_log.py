"""The list of skipped images: what it says, and that it grows in proportion to what is added."""

import h5py
import numpy as np
import pytest

from nachash.index import reader, writer
from nachash.index.columns import Columns
from nachash.index.error_log import ErrorLog, last_words
from nachash.index.storage import text_column
from nachash.index.storage.manifest import Manifest
from nachash.index.storage.raw import from_disk
from nachash.index.storage.sealed import SealedGroup
from nachash.records import Preprocessing, Reference, Skipped


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "log.h5"
    with h5py.File(path, "w") as opened, path.open("rb") as raw:
        digests = Manifest(opened, {})
        group = SealedGroup(opened, digests, from_disk(raw.fileno()))
        columns = Columns(opened, digests, group, 8)
        for name in ("paths", "reasons"):
            columns.create(f"errors/{name}/ends")
            columns.create(f"errors/{name}/bytes")
        yield columns


def listed(file):
    columns = (file.group["errors/paths"], file.group["errors/reasons"])
    return last_words(*(text_column.all_texts(each, text_column.length(each)) for each in columns))


def test_the_last_word_on_a_path_counts(file):
    log = ErrorLog(file)

    log.write([Skipped("a", "truncated"), Skipped("b", "empty file")], [])
    log.write([Skipped("a", "not an image"), Skipped("b", "empty file")], [])
    log.write([Skipped("c", "empty file")], ["b", "unheard of"])
    log.write([], ["b"])

    assert listed(file) == {"a": "not an image", "c": "empty file"}
    assert text_column.length(file.group["errors/paths"]) == 5
    ErrorLog(file).write([Skipped("c", "empty file")], ["a"])
    assert listed(file) == {"c": "empty file"}


def test_a_batch_writes_what_is_new_and_nothing_else(file, monkeypatch):
    written = []
    append = Columns.append_ragged

    def counted(columns, name, row, added):
        written.append(len(added))
        append(columns, name, row, added)

    monkeypatch.setattr(Columns, "append_ragged", counted)
    log, names = ErrorLog(file), [f"{number}.png" for number in range(4000)]

    for start in range(0, len(names), 100):
        log.write([Skipped(name, "empty file") for name in names[start : start + 100]], [])
    for start in range(0, len(names), 100):
        log.write([], names[start : start + 100])

    assert listed(file) == {}
    assert sum(written) <= 2 * 4 * len(names)  # two columns; the log is written anew now and then
    assert text_column.length(file.group["errors/paths"]) <= 1124


def test_an_index_lists_an_image_until_it_is_found(tmp_path):
    index = tmp_path / "a.h5"
    with writer.create(
        index, bits=8, preprocessing=Preprocessing(8), encoder=b"x", model={}, root="/"
    ) as writing:
        writing.change(writer.Changes(), [Skipped("a", "truncated"), Skipped("b", "truncated")])
    with writer.open_for_append(index) as writing:
        codes = np.zeros((1, 1), np.uint8)
        writing.append(codes, [Reference("a", 1, 1)], changes=writer.Changes(found=["a"]))

    with reader.open_index(index) as found:
        assert found.errors() == [Skipped("b", "truncated")]
