"""Killed anywhere, out of disk anywhere: the committed rows are there, and only they."""

import os
import signal
import subprocess
import sys
import textwrap

import h5py
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nachash.errors import StorageError
from nachash.index import writer
from nachash.index.reader import open_index
from nachash.index.storage.paged_file import PAGE, PagedFile, Pages
from nachash.index.verification import problems

ROWS = 40


@pytest.fixture
def trace(create, batch, monkeypatch):
    """The file before an append, and every change that the append makes to it, in order."""
    with create("traced.h5") as writing:
        writing.append(*batch(ROWS, seed=1))
        before = writing.path.read_bytes()
        changes = []

        def recorded(name):
            real = getattr(os, name)

            def call(descriptor, *rest):
                assert os.path.samestat(os.fstat(descriptor), writing.path.stat())
                changes.append(
                    (name, *(bytes(a) if isinstance(a, memoryview) else a for a in rest))
                )
                return real(descriptor, *rest)

            return call

        for name in ("pwrite", "ftruncate", "posix_fallocate", "fsync"):
            monkeypatch.setattr(os, name, recorded(name))
        writing.append(*batch(ROWS, seed=2))
        monkeypatch.undo()
        assert writing.path.read_bytes() == replayed(before, changes)
    return before, changes


def replayed(before, changes):
    """The file after some of the changes."""
    content = bytearray(before)
    for name, *rest in changes:
        if name == "pwrite":
            written, offset = rest
            content.extend(bytes(max(0, offset + len(written) - len(content))))
            content[offset : offset + len(written)] = written
        elif name == "posix_fallocate":
            content.extend(bytes(max(0, sum(rest) - len(content))))
        elif name == "ftruncate":
            del content[rest[0] :]
            content.extend(bytes(rest[0] - len(content)))
    return content


def contents(path):
    with open_index(path) as index:
        rows = zip(index.ids().tolist(), index.codes().tolist(), index.all_paths(), strict=True)
        return list(rows)


def rows_after(content, folder, batch):
    """Rows that a reader and then a writer find; both must find a whole number of batches."""
    path = folder / "traced.h5"
    path.write_bytes(content)
    seen = contents(path)
    writer.open_for_append(path).close()
    with h5py.File(path) as file:  # of any program: nothing is left behind its end
        assert file.attrs["committed"] == len(seen)
    with writer.open_for_append(path) as again:
        again.append(*batch(3, seed=3))
    assert contents(path)[:-3] == seen
    assert not list(problems(path))
    assert [each.name for each in folder.iterdir()] == ["traced.h5"]
    expected = [row for seed in (1, 2) for row in batch(ROWS, seed=seed)[0].tolist()]
    assert [code for _, code, _ in seen] == expected[: len(seen)]
    assert [path for _, _, path in seen] == [
        f"folder {1 + row // ROWS}/{row % ROWS}.jpg" for row in range(len(seen))
    ]
    return len(seen)


def test_death_at_any_system_call_leaves_the_batch_whole_or_absent(trace, batch, tmp_path):
    """Also in the middle of a write: SIGKILL can cut one between two pages."""
    before, changes = trace
    outcomes = []
    for number, (name, *rest) in enumerate(changes):
        cuts = range(0, len(rest[0]), 4 * PAGE + 3) if name == "pwrite" else [0]
        for cut in cuts:
            torn = [(name, rest[0][:cut], rest[1])] if cut else []
            content = replayed(before, changes[:number] + torn)
            outcomes.append(rows_after(content, tmp_path, batch))

    assert len(outcomes) > 10
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {ROWS, 2 * ROWS}


@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_power_cut_may_lose_any_write_that_was_not_synchronised(trace, batch, tmp_path, data):
    """Two commits follow one another: the second may begin before the first was cut off."""
    before, changes = trace
    number = data.draw(st.integers(0, len(changes)))
    kept, loose = [], []
    for change in changes[:number]:
        if change[0] == "fsync":
            kept, loose = kept + loose, []
        else:
            loose.append(change)
    survive = data.draw(st.lists(st.booleans(), min_size=len(loose), max_size=len(loose)))
    kept += [change for change, lucky in zip(loose, survive, strict=True) if lucky]

    assert rows_after(replayed(before, kept), tmp_path, batch) in (ROWS, 2 * ROWS)


def test_whatever_lies_beside_an_index_is_no_journal_of_it(trace, batch, tmp_path):
    """An older state of the index, put back after a writer was killed, is what it was."""
    before, changes = trace
    synchronised = [change[0] for change in changes].index("fsync") + 1
    path = tmp_path / "traced.h5"
    path.write_bytes(replayed(before, changes[:synchronised]))
    assert len(contents(path)) == 2 * ROWS
    path.write_bytes(before)

    assert rows_after(before, tmp_path, batch) == ROWS


def test_a_journal_of_another_index_is_not_replayed(trace, create, batch, tmp_path):
    before, changes = trace
    synchronised = [change[0] for change in changes].index("fsync") + 1
    whole = bytes(replayed(before, changes[:synchronised]))
    with create("new.h5") as new:
        new.append(*batch(5, seed=9))
    expected, content = contents(new.path), new.path.read_bytes()
    start = len(content)
    new.path.write_bytes(content + whole[start:])

    assert contents(new.path) == expected
    writer.open_for_append(new.path).close()
    assert contents(new.path) == expected
    assert new.path.read_bytes() == content


@settings(deadline=None, max_examples=60)
@given(
    original=st.binary(max_size=20_000),
    operations=st.lists(
        st.tuples(
            st.sampled_from(["write", "truncate", "read"]),
            st.integers(0, 30_000),
            st.binary(max_size=9_000),
        ),
        max_size=12,
    ),
)
def test_a_paged_file_is_a_file(tmp_path_factory, original, operations):
    path = tmp_path_factory.mktemp("paged") / "file"
    path.write_bytes(original)
    expected = bytearray(original)
    descriptor = os.open(path, os.O_RDWR)
    paged = PagedFile(descriptor, Pages(len(original)))

    for kind, offset, content in operations:
        paged.seek(offset)
        if kind == "write":
            expected.extend(bytes(max(0, offset + len(content) - len(expected))))
            expected[offset : offset + len(content)] = content
            paged.write(content)
        elif kind == "truncate":
            del expected[offset:]
            expected.extend(bytes(offset - len(expected)))
            paged.truncate(offset)
        buffer = bytearray(b"?" * len(content))
        paged.seek(offset)
        paged.readinto(buffer)
        assert buffer == expected[offset : offset + len(content)].ljust(len(content), b"\0")

    assert path.read_bytes() == original
    os.close(descriptor)


WRITE_FOR_EVER = """
    import sys
    from pathlib import Path
    import numpy as np
    from nachash.index import writer
    from nachash.records import Preprocessing, Reference

    path = Path(sys.argv[1])
    if path.exists():
        index = writer.open_for_append(path)
    else:
        index = writer.create(
            path, bits=64, preprocessing=Preprocessing(32), encoder=b"e", model={}, root="/"
        )
    while True:
        ids = np.arange(index.rows, index.rows + 333)
        index.append(ids.astype(">u8").view(np.uint8).reshape(-1, 8),
                     [Reference(f"{i}.jpg", int(i), int(i)) for i in ids])
        print(index.rows, flush=True)
"""


def child(script, *arguments, **settings):
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings)


def kill_campaign(path, trials):
    """Kill a writer `trials` times, at moments that differ by fractions of a commit."""
    promised = 0
    for trial in range(trials):
        with child(WRITE_FOR_EVER, path) as process:
            for _ in range(1 + trial % 3):
                promised = int(process.stdout.readline())
            # The child is now somewhere in its next commit; where, the scheduler decides.
            sum(range(trial * 997 % 100_000))
            process.send_signal(signal.SIGKILL)
        with open_index(path) as index:
            ids = index.ids()
            assert len(ids) >= promised
            assert ids.tolist() == list(range(len(ids)))
            assert (index.codes().view(">u8")[:, 0] == ids).all()
            assert (index.sizes() == ids).all()
            assert index.all_paths() == [f"{i}.jpg" for i in ids]
    return promised


def test_a_killed_writer_leaves_everything_that_it_had_committed(tmp_path):
    assert kill_campaign(tmp_path / "x.h5", 5) > 2000


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing(tmp_path):
    assert kill_campaign(tmp_path / "x.h5", 100) > 60_000


FULL_DISK = """
    import resource, sys
    from pathlib import Path
    import numpy as np
    from nachash.errors import StorageError
    from nachash.index import writer
    from nachash.records import Preprocessing, Reference

    index = writer.create(Path(sys.argv[1]), bits=64, preprocessing=Preprocessing(32),
                          encoder=b"e", model={}, root="/")
    limit = int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    many = [Reference(f"{i}", i, i) for i in range(400)]
    try:
        while True:
            index.append(np.zeros((400, 8), np.uint8), many)
    except StorageError as error:
        print(index.rows)
        print(error)
    index.close()
"""


@pytest.mark.parametrize("limit", [500_000, 777_777, 1_500_000])
def test_a_full_disk_is_one_sentence_and_the_index_stays_readable(limit, tmp_path, batch):
    path = tmp_path / "x.h5"

    with child(FULL_DISK, path, limit, text=True) as process:
        output, errors = process.communicate()

    assert errors == ""
    rows, sentence = output.splitlines()
    assert "File too large" in sentence
    assert str(path) in sentence
    with open_index(path) as index:
        assert index.rows == int(rows) == len(index.codes()) == len(index.all_paths())
    assert path.stat().st_size <= limit
    with writer.open_for_append(path) as again:
        again.append(*batch(5, bits=64))
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.h5"]


def test_a_disk_without_room_for_the_journal_does_not_touch_the_index(create, batch, monkeypatch):
    with create() as writing:
        writing.append(*batch(ROWS, seed=1))
        before = writing.path.read_bytes()
        real = os.pwrite

        def full(descriptor, content, offset):
            if len(content) > 5_000:
                raise OSError(28, "No space left on device")
            return real(descriptor, content, offset)

        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(StorageError, match="No space left"):
            writing.append(*batch(ROWS, seed=2))
    assert writing.path.read_bytes() == before
