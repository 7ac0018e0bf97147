"""Files that are not indexes, damaged ones, and errors that leave everything as it was."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
from index_formats import resealed

from nachash.errors import (
    DamagedError,
    ExistsError,
    IncompatibleError,
    MissingError,
    StorageError,
    UsageError,
)
from nachash.index import writer
from nachash.index.reader import open_index
from nachash.index.reading import reading
from nachash.index.storage import lock, naming
from nachash.index.storage.paged_file import PagedFile

openers = pytest.mark.parametrize("opened", [open_index, writer.open_for_append])


@pytest.fixture
def index_path(create, batch):
    with create() as writing:
        writing.append(*batch(50))
    return writing.path


@openers
def test_a_missing_index_is_missing(opened, tmp_path):
    with pytest.raises(MissingError, match=r"no index .*none\.h5"):
        opened(tmp_path / "none.h5")


@openers
@pytest.mark.parametrize("content", [b"", b"hello", b"\x89HDF\r\n\x1a\n", os.urandom(5000)])
def test_a_file_of_another_kind_is_not_an_index(opened, content, tmp_path):
    path = tmp_path / "x.h5"
    path.write_bytes(content)

    with pytest.raises(DamagedError, match=r"x\.h5"):
        opened(path)
    assert path.read_bytes() == content


@openers
def test_a_folder_and_another_hdf5_file_are_not_indexes(opened, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["codes"] = [1, 2]

    for path in (tmp_path, tmp_path / "other.h5"):
        with pytest.raises(DamagedError, match="not"):
            opened(path)


@openers
def test_a_newer_format_is_refused_with_advice_to_upgrade(opened, index_path):
    with h5py.File(index_path, "r+") as file:
        file.attrs.modify("format_version", 3)

    with pytest.raises(IncompatibleError) as caught:
        opened(index_path)
    assert "upgrade" in caught.value.hint


@openers
@pytest.mark.parametrize("column", ["codes", "ids", "status", "paths/ends", "size", "mtime_ns"])
def test_a_column_that_is_too_short_is_damage(opened, column, index_path):
    with h5py.File(index_path, "r+") as file:
        file[column].resize(49, axis=0)

    with pytest.raises(DamagedError, match="50 rows"):
        opened(index_path)


@pytest.mark.parametrize("part", ["codes", "ids", "status", "format", "paths", "bits"])
def test_an_index_without_one_of_its_parts_is_damaged(part, index_path):
    with h5py.File(index_path, "r+") as file:
        if part in file:
            del file[part]
        else:
            del file.attrs[part]

    with pytest.raises(DamagedError, match=r"x\.h5"):
        open_index(index_path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_damaged(share, index_path):
    os.truncate(index_path, int(share * index_path.stat().st_size))

    with pytest.raises(DamagedError):
        open_index(index_path).codes()


@pytest.mark.parametrize(
    ("column", "read"),
    [
        ("codes", lambda index: index.codes()),
        ("ids", lambda index: index.ids()),
        ("status", lambda index: index.codes()),
        ("paths/bytes", lambda index: index.all_paths()),
        ("paths/ends", lambda index: index.paths(np.array([3]))),
        ("encoder", lambda index: index.encoder),
        ("size", lambda index: index.sizes()),
    ],
)
def test_a_flipped_bit_is_found_by_the_checksum(column, read, index_path):
    with h5py.File(index_path, "r") as file:
        chunk = file[column].id.get_chunk_info(0)
        offset = chunk.byte_offset
    with index_path.open("r+b") as file:
        file.seek(offset + 5)
        byte = file.read(1)[0]
        file.seek(offset + 5)
        file.write(bytes([byte ^ 4]))

    with open_index(index_path) as index, pytest.raises(DamagedError, match=r"x\.h5"):
        read(index)


def test_padding_that_is_not_zero_is_damage(index_path):
    resealed(index_path, lambda file: file["codes"].__setitem__((7, 1), 255))

    with open_index(index_path) as index, pytest.raises(DamagedError, match="bit 12"):
        index.codes()


def test_an_existing_file_is_never_overwritten(create, tmp_path):
    (tmp_path / "x.h5").write_text("mine")

    with pytest.raises(ExistsError, match=r"x\.h5"):
        create()
    assert (tmp_path / "x.h5").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["x.h5"]


def test_a_folder_that_is_not_there_is_a_storage_error(create):
    with pytest.raises(StorageError, match="No such file"):
        create("none/x.h5")


def test_impossible_bit_lengths_leave_no_file(create, tmp_path):
    for bits in (0, 4097):
        with pytest.raises(UsageError):
            create(bits=bits)
    assert not list(tmp_path.iterdir())


def test_a_second_writer_is_told_who_the_first_one_is(create):
    described = (
        rf"process {os.getpid()} on {re.escape(os.uname().nodename)} since \d+-\d+-\d+ .* UTC"
    )
    with create() as first, pytest.raises(StorageError, match=described):
        writer.open_for_append(first.path)

    writer.open_for_append(first.path).close()
    assert not lock.beside(first.path).exists()


HOLD = """
    import sys
    from pathlib import Path
    from nachash.index import writer

    index = writer.open_for_append(Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(index_path):
    """Another process that has the index open for writing."""
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(index_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"ready\n"
        yield child
        child.kill()


def test_another_process_keeps_writers_out_and_lets_readers_in(holder, index_path, batch, tmp_path):
    with pytest.raises(StorageError, match=f"process {holder.pid} on "):
        writer.open_for_append(index_path)
    new = tmp_path / "new.h5"
    shutil.copy(index_path, new)
    with pytest.raises(StorageError, match=f"process {holder.pid} on "):
        naming.replace(new, index_path)
    assert f"process {holder.pid}" in lock.owner(index_path)
    with open_index(index_path) as index:
        assert index.rows == len(index.codes()) == 50


def test_the_lock_of_a_killed_process_is_no_lock(holder, index_path, batch):
    holder.kill()
    holder.wait()

    assert f"process {holder.pid}" in lock.beside(index_path).read_text()
    assert lock.owner(index_path) is None
    with writer.open_for_append(index_path) as again:
        again.append(*batch(2, seed=5))
    assert not lock.beside(index_path).exists()


def test_a_writer_does_not_write_into_a_file_that_was_replaced(index_path, tmp_path, monkeypatch):
    """The file is replaced between opening and locking it, as `compact` may do."""
    new = tmp_path / "new.h5"
    shutil.copy(index_path, new)
    real = writer.Lock

    def late(*arguments):
        new.replace(index_path)
        return real(*arguments)

    monkeypatch.setattr(writer, "Lock", late)
    with pytest.raises(StorageError, match="replaced"):
        writer.open_for_append(index_path)
    assert not lock.beside(index_path).exists()


def test_reading_begins_again_when_a_writer_came_in_between(index_path, batch):
    """The first look fails as one at a half-written chunk does; meanwhile a batch is added."""
    seen = []

    def use(index):
        seen.append(index.rows)
        if len(seen) == 1:
            with writer.open_for_append(index_path) as writing:
                writing.append(*batch(4, seed=8))
            raise DamagedError("a chunk that was being rewritten")
        return index.rows

    assert reading(index_path, use) == 54
    assert seen == [50, 54]


def test_damage_is_damage_when_nobody_writes(index_path):
    calls = []

    def use(index):
        calls.append(index.rows)
        raise DamagedError("damaged")

    with pytest.raises(DamagedError):
        reading(index_path, use)
    assert calls == [50]


def test_an_index_deleted_while_it_is_read_is_read_to_the_end(index_path, batch):
    with open_index(index_path) as index:
        index_path.unlink()
        assert index.codes().tolist() == batch(50)[0].tolist()
        assert len(index.all_paths()) == 50


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ValueError])
def test_an_exception_within_a_batch_leaves_the_batches_before_it(error, create, batch):
    """The sequence of references raises when it is read, after the codes were written."""

    class Interrupting(list):
        def __iter__(self):
            raise error

    with create() as writing:
        writing.append(*batch(5, seed=1))
        codes, references = batch(5, seed=2)
        with pytest.raises(error):
            writing.append(codes, Interrupting(references))

    with open_index(writing.path) as index:
        assert index.rows == len(index.codes()) == len(index.all_paths()) == 5
    with writer.open_for_append(writing.path) as again:
        again.append(codes, references)
    with open_index(writing.path) as index:
        assert index.rows == 10


@pytest.mark.parametrize("number", [0, 1, 3, 5])
@pytest.mark.parametrize("method", ["_write", "_read"])
@pytest.mark.parametrize("error", [MemoryError(), OSError(5, "Input/output error")])
def test_a_failure_that_hdf5_would_drop_is_raised_and_commits_nothing(
    error, method, number, create, batch, monkeypatch
):
    real, calls = getattr(PagedFile, method), iter(range(10**9))

    def failing(self, view):
        if next(calls) == number:
            raise error
        return real(self, view)

    with create() as first:
        first.append(*batch(5, seed=1))
    with writer.open_for_append(first.path) as writing:
        monkeypatch.setattr(PagedFile, method, failing)
        with pytest.raises(StorageError if isinstance(error, OSError) else MemoryError):
            writing.append(*batch(5, seed=2))
        monkeypatch.undo()

    with writer.open_for_append(writing.path) as again:
        again.append(*batch(5, seed=3))
    with open_index(writing.path) as index:
        assert index.all_paths()[4:6] == ["folder 1/4.jpg", "folder 3/0.jpg"]
        assert index.codes()[5:].tolist() == batch(5, seed=3)[0].tolist()


def test_ctrl_c_waits_until_its_batch_is_committed(create, batch, monkeypatch, ctrl_c):
    """The signal arrives while HDF5 calls our file, where h5py drops exceptions."""
    real = PagedFile._write

    def interrupted(self, view):
        signal.raise_signal(signal.SIGINT)
        return real(self, view)

    with create() as writing:
        monkeypatch.setattr(PagedFile, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writing.append(*batch(5, seed=1))
        monkeypatch.undo()
        writing.append(*batch(5, seed=2))

    with open_index(writing.path) as index:
        assert index.all_paths()[4:6] == ["folder 1/4.jpg", "folder 2/0.jpg"]


def test_a_batch_can_be_written_by_another_thread(create, batch):
    with create() as writing, ThreadPoolExecutor(1) as pool:
        pool.submit(writing.append, *batch(5)).result()

    with open_index(writing.path) as index:
        assert index.rows == 5


def test_attributes_can_be_read_by_any_hdf5_program(index_path):
    with h5py.File(index_path, "r") as file:
        assert file.attrs["format"] == b"nachash-index"
        assert file.attrs["bitorder"] == b"big"
        assert file.attrs["committed"] == 50
        assert json.loads(file.attrs["preprocessing"])["size"] == 32
        assert file["codes"].compression is None
        assert json.loads(file["commit"][:].tobytes())["codes"][0] == 50


def test_a_copy_of_an_index_is_an_index(index_path, tmp_path):
    shutil.copy(index_path, tmp_path / "copy.h5")

    with open_index(tmp_path / "copy.h5") as copy, open_index(index_path) as original:
        assert copy.codes().tolist() == original.codes().tolist()
