"""A file system that refuses locks, with one errno or another: a share, a bucket, a container."""

import errno
import fcntl
import os

import pytest

from nachash.errors import DamagedError, NachashWarning, StorageError
from nachash.index import reader, writer
from nachash.index.reader import open_index
from nachash.index.storage import lock
from nachash.index.verification import problems

NUMBERS = ("ENOLCK", "ENOTSUP", "EINVAL", "ENOSYS", "EACCES", "EIO")


@pytest.fixture(params=NUMBERS)
def no_locks(request, monkeypatch):
    number = getattr(errno, request.param)

    def refused(*_):
        raise OSError(number, os.strerror(number))

    real = fcntl.fcntl

    def without(descriptor, command, *rest):
        if command in (fcntl.F_OFD_SETLK, fcntl.F_SETLK):
            refused()
        return real(descriptor, command, *rest)

    monkeypatch.setattr(fcntl, "fcntl", without)
    monkeypatch.setattr(fcntl, "flock", refused)


@pytest.fixture
def index_path(create, batch):
    with create() as writing:
        writing.append(*batch(5))
    return writing.path


def test_reading_needs_no_lock(index_path, no_locks):
    with open_index(index_path) as index:
        assert index.rows == len(index.codes()) == 5
    assert not list(problems(index_path))
    assert lock.owner(index_path) is None


def test_writing_works_and_says_what_is_not_guarded(index_path, batch, no_locks):
    with pytest.warns(NachashWarning, match=r"cannot be locked .* another machine"):
        opened = writer.open_for_append(index_path)
    with opened as writing:
        writing.append(*batch(2, seed=1))
        assert f"process {os.getpid()}" in lock.owner(index_path)
        with pytest.raises(StorageError, match=f"process {os.getpid()} .*without a lock"):
            writer.open_for_append(index_path)
    assert [path.name for path in index_path.parent.iterdir()] == ["x.h5"]
    with open_index(index_path) as index:
        assert index.rows == 7


@pytest.mark.filterwarnings("ignore::nachash.errors.NachashWarning")
def test_a_new_index_is_made(create, batch, no_locks, tmp_path):
    with create() as writing:
        writing.append(*batch(2))

    assert [path.name for path in tmp_path.iterdir()] == ["x.h5"]


@pytest.mark.filterwarnings("ignore::nachash.errors.NachashWarning")
def test_what_a_dead_process_left_keeps_nobody_out(index_path, batch, no_locks):
    line = "written by nachash, process {} on {} since 2020-01-01 00:00:00 UTC, without a lock\n"
    note = lock.beside(index_path)
    host = lock.platform.node()
    for dead in (line.format(2**22 - 3, host), line.format(os.getpid(), host)):  # a number reused
        note.write_text(dead)
        assert lock.owner(index_path) is None
        writer.open_for_append(index_path).close()
        assert not note.exists()

    note.write_text(line.format(7, "another machine"))
    with pytest.raises(StorageError) as caught:
        writer.open_for_append(index_path)
    assert f"delete {note}" in caught.value.hint


@pytest.mark.parametrize("kind", [OSError, KeyError, RuntimeError])
@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES, errno.ENOLCK])
def test_what_the_system_says_about_reading_is_no_damage(index_path, monkeypatch, number, kind):
    """As h5py passes it on, which knows the number as such only sometimes."""

    def refused(*_, **__):
        raise kind(f"Unable to open object (file read failed: errno = {number}, size = 8)")

    monkeypatch.setattr(reader.h5py, "File", refused)
    with pytest.raises(StorageError, match=os.strerror(number)) as caught:
        open_index(index_path)
    assert not isinstance(caught.value, DamagedError)
