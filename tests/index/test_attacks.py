"""Whole chunks damaged in every way, and files of strangers: noticed, and never followed.

`make attack` runs the campaigns; a seed is the number of its attack.
"""

import contextlib
import os
import subprocess
import sys

import attacks
import h5py
import numpy as np
import pytest
from index_formats import as_format_1

from nachash.errors import DamagedError, IncompatibleError
from nachash.index.reader import open_index
from nachash.index.verification import problems
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.index.repair import RepairSettings, repair

READERS = {
    "codes": lambda index: index.codes(),
    "ids": lambda index: index.ids(),
    "size": lambda index: index.sizes(),
    "mtime_ns": lambda index: index.times(),
    "status": lambda index: index.rows,
    "digests": lambda index: index.digests(),
    "width": lambda index: index.metadata(),
    "height": lambda index: index.metadata(),
    "taken": lambda index: index.metadata(),
    "paths/bytes": lambda index: index.all_paths(),
    "paths/ends": lambda index: index.all_paths(),
    "paths/hashes": lambda index: index.positions_of_paths(["0/000000.jpg"]),
    "labels/numbers": lambda index: index.labels(),
    "labels/ends": lambda index: index.labels(),
    "label_names/bytes": lambda index: index.label_names,
    "label_names/ends": lambda index: index.label_names,
    "errors/paths/bytes": lambda index: index.errors(),
    "errors/paths/ends": lambda index: index.errors(),
    "errors/reasons/bytes": lambda index: index.errors(),
    "errors/reasons/ends": lambda index: index.errors(),
    "encoder": lambda index: index.encoder,
    "calibration": lambda index: index.calibration,
}
CAMPAIGN = int(os.environ.get("NACHASH_ATTACKS", "0"))
REPAIRED = READERS if CAMPAIGN else ("codes", "status", "paths/ends", "labels/ends", "encoder")
WITHOUT_REPAIR = ("encoder", "label_names/bytes", "label_names/ends")


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """Four states of an index, one after the other."""
    with pytest.MonkeyPatch.context() as patch:
        return attacks.build(tmp_path_factory.mktemp("states") / "x.h5", patch)


@pytest.fixture(scope="module")
def places(states, tmp_path_factory):
    """Where the chunks of the first and of the last state lie."""
    folder = tmp_path_factory.mktemp("places")
    return attacks.chunks(states[0], folder), attacks.chunks(states[-1], folder)


@pytest.fixture(scope="module")
def truth(states, tmp_path_factory):
    """Every live row of the last state by its id."""
    path = tmp_path_factory.mktemp("truth") / "x.h5"
    path.write_bytes(states[-1])
    return rows(path)


def rows(path):
    with open_index(path) as index:
        if not index.rows:
            return {}
        columns = (
            index.codes().tolist(), index.all_paths(), index.sizes().tolist(),
            index.times().tolist(), index.labels().tolist(), index.digests().tolist(),
            *(each.tolist() for each in vars_of(index.metadata())),
        )  # fmt: skip
        return dict(zip(index.ids().tolist(), zip(*columns, strict=True), strict=True))


def vars_of(metadata):
    return metadata.width, metadata.height, metadata.taken


def repaired(path, truth):
    """How many rows a repair keeps, all of them right; None when it refuses."""
    for name in ("x.h5.damaged", ".x.h5.unfinished"):
        path.with_name(name).unlink(missing_ok=True)
    try:
        repair(RepairSettings(index=path))
    except DamagedError:
        return None
    found = rows(path)
    assert found.items() <= truth.items()
    assert not list(problems(path))
    return len(found)


@pytest.mark.parametrize("kind", attacks.KINDS)
def test_a_damaged_chunk_of_any_column_is_noticed_by_what_reads_it(
    kind, states, places, truth, tmp_path
):
    path, seen = tmp_path / "x.h5", []
    assert places[-1].keys() == {*READERS, "commit", *(f"manifest/{name}" for name in READERS)}
    for name, read in READERS.items():
        attack = attacks.chunk_attack(kind, states, places, name)
        if attack is None:  # too few chunks for an exchange
            continue
        seen.append(name)
        path.write_bytes(attack)
        assert {problem.part for problem in problems(path)} == {name}
        with open_index(path) as index, pytest.raises(DamagedError):
            read(index)
        if name in REPAIRED:
            kept = repaired(path, truth)
            assert (kept is None) == (name in WITHOUT_REPAIR)
            assert kept != 0 or (kind == "swap" and len(places[-1][name]) == 2), name
    assert len(seen) > (5 if kind == "older" else 15)


@pytest.mark.parametrize("kind", ["zero", "ones", "older"])
def test_a_damaged_page_of_digests_is_noticed_and_loses_no_row(
    kind, states, places, truth, tmp_path
):
    path = tmp_path / "x.h5"
    for name, read in READERS.items():
        attack = attacks.chunk_attack(kind, states, places, f"manifest/{name}")
        if attack is None:
            continue
        path.write_bytes(attack)
        assert {problem.part for problem in problems(path)} == {name}
        with open_index(path) as index, pytest.raises(DamagedError):
            read(index)
        if name in REPAIRED:
            assert repaired(path, truth) == (None if name in WITHOUT_REPAIR else len(truth))


@pytest.mark.parametrize("kind", ["zero", "ones", "older"])
def test_without_its_commit_record_nothing_is_proven(kind, states, places, truth, tmp_path):
    path = tmp_path / "x.h5"
    path.write_bytes(attacks.chunk_attack(kind, states, places, "commit"))

    assert [problem.part for problem in problems(path)] == ["attributes"]
    with pytest.raises(DamagedError):
        open_index(path)
    assert repaired(path, truth) is None


def campaign(states, truth, folder, seeds):
    path, noticed = folder / "x.h5", 0
    for seed in seeds:
        path.write_bytes(attacks.random_attack(states, seed))
        if list(problems(path)):
            noticed += 1
        else:
            assert rows(path) == truth, seed
        with contextlib.suppress(DamagedError):
            assert rows(path) == truth, seed
        kept = repaired(path, truth)
        assert kept is None or kept <= len(truth), seed
    return noticed


def test_blocks_of_other_bytes_anywhere(states, truth, tmp_path):
    assert campaign(states, truth, tmp_path, range(12)) > 6


@pytest.mark.slow
def test_many_blocks_of_other_bytes_anywhere(states, truth, tmp_path):
    count = CAMPAIGN or 300
    assert campaign(states, truth, tmp_path, range(1_000, 1_000 + count)) > count / 2


@pytest.mark.parametrize("kind", ["zero", "ones"])
@pytest.mark.parametrize("name", ["codes", "ids", "paths/ends", "paths/bytes"])
def test_format_1_notices_where_a_chunk_cannot_be_right(
    kind, name, states, truth, tmp_path, monkeypatch
):
    path = tmp_path / "x.h5"
    path.write_bytes(states[-1])
    as_format_1(path, attacks.SMALL_CHUNKS)
    old = path.read_bytes()
    path.write_bytes(attacks.chunk_attack(kind, [old], [attacks.chunks(old, tmp_path)], name, 1))

    assert name.partition("/")[0] in {each.part.partition("/")[0] for each in problems(path)}
    assert 0 < repaired(path, truth) < len(truth)


@pytest.mark.parametrize("version", [1, 2])
def test_links_and_strange_data_sets_are_refused_before_they_are_read(version, states, tmp_path):
    sound, path = tmp_path / "sound.h5", tmp_path / "x.h5"
    sound.write_bytes(states[-1])
    if version == 1:
        as_format_1(sound)
    names = ["ids", "codes", "status", "paths", "paths/ends", "encoder", "errors"]
    names += ["commit", "manifest", "manifest/ids"] if version == 2 else ["labels", "digests"]
    for what, change in attacks.strange_parts(names):
        path.write_bytes(sound.read_bytes())
        with h5py.File(path, "r+") as file:
            change(file)
        if what in ("digests-nothing", "labels-nothing"):
            continue  # columns that an index need not have
        with pytest.raises(DamagedError, match=r"x\.h5"):
            open_index(path).close()
        assert list(problems(path)), what


@pytest.mark.parametrize("version", [1, 2])
def test_strange_attributes_are_refused(version, states, tmp_path):
    sound, path = tmp_path / "sound.h5", tmp_path / "x.h5"
    sound.write_bytes(states[-1])
    if version == 1:
        as_format_1(sound)
    names = ["bits", "format", "format_version", "preprocessing", "model", "root", "committed"]
    for _, change in attacks.strange_attributes(names):
        path.write_bytes(sound.read_bytes())
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises((DamagedError, IncompatibleError)):
            open_index(path).close()


LINK_TO_FIFO = """
import sys
from pathlib import Path
from nachash.errors import DamagedError
from nachash.index.reader import open_index
from nachash.index.verification import problems
from nachash.tasks.choose_index import chosen_index

assert list(problems(Path("linked.h5")))
assert chosen_index(None) == Path("linked.h5")
"""


def test_nothing_waits_for_a_fifo(states, tmp_path):
    """In a process of its own: HDF5 cannot be interrupted while it waits."""
    attacks.fifo(tmp_path / "fifo.h5")
    (tmp_path / "other.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
    path = tmp_path / "linked.h5"
    path.write_bytes(states[-1])
    with h5py.File(path, "r+") as file:
        del file["ids"]
        file["ids"] = h5py.ExternalLink("fifo.h5", "/ids")

    subprocess.run([sys.executable, "-c", LINK_TO_FIFO], cwd=tmp_path, check=True, timeout=100)


def test_an_index_is_chosen_by_its_beginning(states, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.h5").write_bytes(states[-1])
    with h5py.File("other.h5", "w") as file:
        file["codes"] = np.arange(9)
    (tmp_path / "folder.h5").mkdir()

    assert chosen_index(None).name == "mine.h5"
