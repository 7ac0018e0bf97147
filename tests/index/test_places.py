"""An index where nothing can be written, and one that goes away while it is searched."""

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from nachash.errors import MissingError, NachashError, StorageError
from nachash.index import reader
from nachash.index.reader import Index
from nachash.index.storage import journal, opening
from nachash.tasks.encode.encode import EncodeSettings, encode
from nachash.tasks.index.add import AddSettings, add
from nachash.tasks.index.compact import CompactSettings, compact
from nachash.tasks.index.info import InfoSettings, info
from nachash.tasks.index.remove import RemoveSettings, remove
from nachash.tasks.index.repair import RepairSettings, repair
from nachash.tasks.index.verify import VerifySettings, verify
from nachash.tasks.search.search import SearchSettings, search


def mounted(*arguments):
    finished = subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False)
    return finished.returncode == 0


@pytest.fixture(params=["file system", "permissions"])
def read_only(request, tmp_path):
    """A function that makes a folder read-only, files and all; root needs a file system for it."""
    place = tmp_path / "place"
    place.mkdir()
    root = os.geteuid() == 0
    if request.param == "permissions":
        if root:
            pytest.skip("permissions do not stop root")

        def lock():
            for path in [*place.iterdir(), place]:
                path.chmod(0o555)

        yield place, lock
        place.chmod(0o755)
        return
    if not root or not mounted("-t", "tmpfs", "-o", "size=32m", "tmpfs", place):
        pytest.skip("a file system cannot be mounted here")
    try:
        yield place, lambda: mounted("-o", "remount,ro", place) or pytest.skip("no remounting")
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def nearest(path, **more):
    settings = SearchSettings(ids=(3,), index=path, k=5, **more)
    answer = search(settings)
    return [(hit.id, hit.distance) for hit in answer.hits[0]]


def test_where_nothing_can_be_written_an_index_is_read_and_not_changed(
    read_only, encoded, tiny_model
):
    place, lock = read_only
    index = Path(shutil.copy(encoded, place))
    expected, content = nearest(encoded), index.read_bytes()
    photos = encoded.parent / "photos"
    shutil.copy(photos / "cat" / "00.png", photos / "cat" / "new.png")
    lock()

    assert nearest(index) == expected
    assert verify(VerifySettings(index=index)).problems == ()
    assert info(InfoSettings(index=index)).written_by is None
    assert repair(RepairSettings(index=index)).done == ("nothing was wrong",)
    made = {"images": str(photos), "model": tiny_model, "workers": 0}
    for refused in (
        lambda: add(AddSettings(images=str(photos), index=index, workers=0)),
        lambda: remove(RemoveSettings(paths=("cat",), index=index)),
        lambda: compact(CompactSettings(index=index)),
        lambda: encode(EncodeSettings(**made, out=index)),
        lambda: encode(EncodeSettings(**made, out=index, overwrite=True)),
        lambda: encode(EncodeSettings(**made, out=place / "new.h5")),
    ):
        with pytest.raises(StorageError, match=r"\.h5.* cannot be written: (Read-only|Permission)"):
            refused()
    assert index.read_bytes() == content
    assert list(place.iterdir()) == [index]


def test_what_a_killed_writer_left_is_read_where_nothing_can_be_written(
    read_only, create, batch, monkeypatch
):
    """The batch is in the journal only, since the writer died before the index was touched."""
    place, lock = read_only

    def died(*_):
        raise SystemExit

    with create() as writing:
        writing.append(*batch(5, seed=1))
        monkeypatch.setattr(journal, "write_pages", died)
        with pytest.raises(SystemExit):
            writing.append(*batch(7, seed=2))
    shutil.copy(writing.path, place)
    lock()

    index = place / writing.path.name
    with reader.open_index(index) as reading:
        assert reading.rows == len(reading.codes()) == len(reading.all_paths()) == 12
    assert verify(VerifySettings(index=index)).problems == ()


@pytest.mark.parametrize("column", ["codes", "label_texts", "_column"])
@pytest.mark.parametrize("gone", [os.unlink, lambda path: path.write_bytes(b"")])
def test_an_index_deleted_during_a_search_is_searched_to_the_end_or_missed(
    encoded, monkeypatch, column, gone
):
    """It goes away, or is emptied, when the search has opened it and begins to read."""
    expected, real, calls = nearest(encoded), getattr(Index, column), []

    def late(self, *arguments):
        if not calls:
            gone(encoded)
        calls.append(column)
        return real(self, *arguments)

    monkeypatch.setattr(Index, column, late)

    if gone is os.unlink:
        assert nearest(encoded) == expected
    else:
        with pytest.raises(NachashError, match=r"out\.h5"):
            nearest(encoded)


@pytest.mark.parametrize(
    ("module", "name"),
    [(reader, "checked_file"), (opening, "_is_hdf5")],
)
@pytest.mark.parametrize("before", [True, False])
def test_an_index_deleted_at_the_moment_of_opening_is_missing(
    encoded, monkeypatch, module, name, before
):
    real = getattr(module, name)

    def late(*arguments):
        if before:
            encoded.unlink(missing_ok=True)
        found = real(*arguments)
        encoded.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(module, name, late)

    with pytest.raises(MissingError, match="no index"):
        reader.open_index(encoded)


def test_an_index_deleted_once_it_is_open_is_read_to_the_end(encoded, monkeypatch):
    real = reader.committed_pages

    def late(descriptor):
        encoded.unlink()
        return real(descriptor)

    monkeypatch.setattr(reader, "committed_pages", late)
    with reader.open_index(encoded) as index:
        assert len(index.codes()) == index.rows == 12


def test_searches_while_the_index_comes_and_goes_are_right_or_one_sentence(encoded):
    expected, copy = nearest(encoded), encoded.with_name("copy.h5")
    shutil.copy(encoded, copy)
    stop, outcomes = threading.Event(), []

    def come_and_go():
        while not stop.is_set():
            encoded.unlink()
            shutil.copy(copy, encoded.with_name("fresh.h5"))
            encoded.with_name("fresh.h5").replace(encoded)
            begun = len(outcomes)
            while len(outcomes) < begun + 2 and not stop.is_set():  # there for a whole search
                time.sleep(0.001)

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        while sum(outcome is not None for outcome in outcomes) < 20:
            try:
                outcomes.append(nearest(encoded))
            except MissingError:
                outcomes.append(None)
    finally:
        stop.set()
        thread.join()

    assert all(outcome in (expected, None) for outcome in outcomes)
