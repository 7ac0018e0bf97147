"""Every verb that writes, killed at each of its calls or refused any one of them by the system."""

import errno
import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
import system_calls
from index_formats import as_format_1
from PIL import Image

from nachash.errors import (
    DamagedError,
    ExistsError,
    MissingError,
    NachashError,
    NachashWarning,
    StorageError,
)
from nachash.exports import npy
from nachash.index import migration, writer
from nachash.index.reader import open_index
from nachash.index.renaming import rename
from nachash.index.storage import journal
from nachash.index.verification import problems
from nachash.results.index import Problem
from nachash.tasks.dedup.calibrate import CalibrateSettings, calibrate
from nachash.tasks.encode.encode import EncodeSettings, encode
from nachash.tasks.index.add import AddSettings, add
from nachash.tasks.index.compact import CompactSettings, compact
from nachash.tasks.index.export import ExportSettings, export
from nachash.tasks.index.merge import MergeSettings, merge
from nachash.tasks.index.migrate import MigrateSettings, migrate
from nachash.tasks.index.relocate import RelocateSettings, relocate
from nachash.tasks.index.remove import RemoveSettings, remove
from nachash.tasks.index.repair import RepairSettings, repair
from nachash.tasks.index.restore import RestoreSettings, restore


@dataclass(frozen=True)
class Place:
    """Where a verb works: the index by the name that it is given, and what else it needs."""

    index: Path
    photos: Path
    model: Path

    @property
    def folder(self):
        return Path(os.path.realpath(self.index)).parent

    def encode(self, **more):
        encode(
            EncodeSettings(
                images=str(self.photos),
                out=self.index,
                model=self.model,
                workers=0,
                batch_size=5,
                **more,
            )
        )


@dataclass(frozen=True)
class Verb:
    """What is done, with which index at the beginning, and whether part of it may count."""

    do: Callable[[Place], object]
    start: str | None
    parts: bool = False
    also: tuple[str, ...] = ()  # files that it makes besides


def _merged(place, **more):
    inputs = place.photos.parent
    merge(MergeSettings(indexes=(inputs / "a.h5", inputs / "b.h5"), out=place.index, **more))


def _exported(suffix):
    def do(place):
        out = place.folder / f"codes.{suffix}"
        export(ExportSettings(out=out, index=place.index, overwrite=True))

    return do


def _calibrated(place):
    calibrate(CalibrateSettings(index=place.index, images=3))


def _relocated(place):
    """To another name of the same folder."""
    new = place.photos.with_name("by-link")
    relocate(RelocateSettings(old=str(place.photos), new=str(new), index=place.index))


VERBS = {
    "encode": Verb(lambda place: place.encode(), None, parts=True),
    "encode more": Verb(lambda place: place.encode(), "part", parts=True),
    "encode --overwrite": Verb(lambda place: place.encode(overwrite=True), "part"),
    "add": Verb(
        lambda place: add(AddSettings(images=str(place.photos), index=place.index, workers=0)),
        "part",
        parts=True,
    ),
    "remove": Verb(lambda place: remove(RemoveSettings(paths=("cat",), index=place.index)), "all"),
    "restore": Verb(lambda place: restore(RestoreSettings(index=place.index)), "removed"),
    "calibrate": Verb(_calibrated, "all"),
    "migrate": Verb(lambda place: migrate(MigrateSettings(index=place.index)), "first"),
    "compact": Verb(lambda place: compact(CompactSettings(index=place.index)), "removed"),
    "relocate": Verb(_relocated, "all"),
    "rename": Verb(lambda place: rename(place.index, {0: "cat/other.png"}), "all"),
    "merge": Verb(_merged, None),
    "merge --overwrite": Verb(lambda place: _merged(place, overwrite=True), "part"),
    "repair": Verb(
        lambda place: repair(RepairSettings(index=place.index)), "damaged", also=("x.h5.damaged",)
    ),
    "export npy": Verb(
        _exported("npy"), "all", also=("codes.npy", "codes.ids.npy", "codes.paths.txt")
    ),
    "export csv": Verb(_exported("csv"), "all", also=("codes.csv",)),
    "export faiss": Verb(_exported("faiss"), "all", also=("codes.faiss",)),
    "export parquet": Verb(_exported("parquet"), "all", also=("codes.parquet",)),
}


@pytest.fixture(scope="module")
def origin(tmp_path_factory, tiny_model):
    """Photos, and indexes of all and of some of them."""
    folder = tmp_path_factory.mktemp("origin")
    photos = folder / "photos"
    generator = np.random.default_rng(1)
    for number in range(12):
        path = photos / ("cat", "dog")[number % 2] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (9, 9, 3), np.uint8)).save(path)
    (folder / "by-link").symlink_to(photos)
    for name, images in (("all", photos), ("a", photos / "cat"), ("b", photos / "dog")):
        Place(folder / f"{name}.h5", images, tiny_model).encode()
    (photos / "dog").rename(folder / "away")
    Place(folder / "part.h5", photos, tiny_model).encode()
    (folder / "away").rename(photos / "dog")
    shutil.copy(folder / "all.h5", folder / "removed.h5")
    remove(RemoveSettings(paths=("dog",), index=folder / "removed.h5"))
    shutil.copy(folder / "all.h5", folder / "first.h5")
    as_format_1(folder / "first.h5")
    shutil.copy(folder / "all.h5", folder / "damaged.h5")
    with h5py.File(folder / "damaged.h5") as file:
        at = file["size"].id.get_chunk_info(0).byte_offset
    with (folder / "damaged.h5").open("r+b") as file:
        file.seek(at)
        file.write(b"\xff" * 64)
    return folder


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("NACHASH_STATE", str(tmp_path / "state"))


def prepared(origin, verb, model, folder, *, linked):
    """A folder in which the verb can begin; by a link elsewhere that names its index."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "real").mkdir(parents=True)
    if verb.start is not None:
        shutil.copy(origin / f"{verb.start}.h5", folder / "real" / "x.h5")
    index = folder / "real" / "x.h5"
    if linked:
        index = folder / "link.h5"
        index.symlink_to(folder / "real" / "x.h5")
    return Place(index, origin / "photos", model)


def state_of(place):
    """Rows, format, calibration and root of an index; nothing where there is none."""
    if not place.index.exists():
        return {}
    with open_index(place.index) as index:
        codes = [code.tobytes() for code in index.codes()]
        found = dict(zip(index.all_paths(), codes, strict=True))
        return found | {"": (index.header.version, index.calibration, index.root)}


def done(verb, place):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NachashWarning)
        verb.do(place)


def files(place):
    return {path.name for path in place.folder.iterdir()}


def check(verb, place, before, after, linked):
    """The index is as before or as after; once more, and it is as after, with nothing stray."""
    assert place.index.is_symlink() == linked
    if verb.start != "damaged":
        found = state_of(place)
        if verb.parts:
            assert before.items() <= found.items() <= after.items()
        else:
            assert found in (before, after)
        if place.index.exists():
            assert not list(problems(place.index))
    try:
        done(verb, place)
    except (ExistsError, MissingError):  # no name is taken twice, and nothing is removed twice
        assert verb in (VERBS["merge"], VERBS["remove"])
        writer.open_for_append(place.index).close()
    if verb == VERBS["migrate"]:  # which writes nothing where nothing is to be done
        writer.open_for_append(place.index).close()
    assert place.index.is_symlink() == linked
    assert state_of(place) == after
    assert not list(problems(place.index))
    assert files(place) <= {"x.h5", *verb.also}


def outcomes(origin, verb, model, folder, linked):
    """What is there before and after the verb, and the calls that it makes."""
    place = prepared(origin, verb, model, folder, linked=linked)
    before = {} if verb.start == "damaged" else state_of(place)
    with system_calls.counted(folder) as names:
        done(verb, place)
    after = state_of(place)
    assert files(place) == {"x.h5", *verb.also}
    return before, after, names


def killed_at(origin, verb, model, folder, *, linked, samples=None):
    before, after, _ = outcomes(origin, verb, model, folder, linked)
    place = prepared(origin, verb, model, folder, linked=linked)
    with system_calls.counted(folder, reading=False) as names:
        done(verb, place)
    for number in spread(names, samples):
        for halfway in (False, True) if names[number] == "pwrite" else (False,):
            place = prepared(origin, verb, model, folder, linked=linked)
            with system_calls.dying(folder, number, halfway=halfway):
                done(verb, place)
            check(verb, place, before, after, linked)
    return len(names)


def spread(names, samples):
    """Numbers of all calls, or of some."""
    return range(0, len(names), 1 if samples is None else len(names) // samples + 1)


def refused_at(origin, verb, model, folder, *, linked, errors, samples=None):
    before, after, names = outcomes(origin, verb, model, folder, linked)
    for number in spread(names, samples):
        for error in errors(number):
            place = prepared(origin, verb, model, folder, linked=linked)
            raised = None
            try:
                with system_calls.failing(folder, number, error):
                    done(verb, place)
            except NachashError as caught:
                raised = caught
            assert not isinstance(raised, DamagedError), (number, names[number], error)
            assert raised or state_of(place) == after
            strays = files(place) - {"x.h5", "x.h5.new", *verb.also}
            assert not strays or names[number] == "unlink", (number, names[number], error, strays)
            check(verb, place, before, after, linked)


verbs = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)


@verbs
def test_a_verb_that_was_killed_is_undone_or_done_and_can_be_repeated(
    origin, verb, tiny_model, tmp_path
):
    """At some of its calls, by a link; the slow test has them all."""
    folder = tmp_path / "w"
    assert killed_at(origin, verb, tiny_model, folder, linked=verb.start is not None, samples=5) > 3


@verbs
def test_a_verb_that_the_system_refuses_a_call_is_done_or_says_so(
    origin, verb, tiny_model, tmp_path
):
    def one(number):
        return system_calls.ERRORS[number % 4 : number % 4 + 1]

    folder = tmp_path / "w"
    refused_at(origin, verb, tiny_model, folder, linked=False, samples=6, errors=one)


@pytest.mark.parametrize("name", ["encode", "encode --overwrite", "export npy"])
def test_a_disk_that_is_full_at_once_leaves_nothing(
    origin, tiny_model, tmp_path, monkeypatch, name
):
    """The new file has room for what it begins with, and for no more."""

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    verb = VERBS[name]
    place = prepared(origin, verb, tiny_model, tmp_path / "w", linked=True)
    before = files(place)
    monkeypatch.setattr(journal.Journal, "commit", full)
    saving, saved = npy._save, []
    monkeypatch.setattr(
        npy, "_save", lambda *what: full() if saved else saved.append(saving(*what))
    )

    with pytest.raises(StorageError, match="No space left on device"):
        done(verb, place)
    assert files(place) == before
    assert place.index.is_symlink()


@pytest.mark.attack
@pytest.mark.slow
@verbs
@pytest.mark.parametrize("linked", [False, True])
def test_every_call_of_every_verb(origin, verb, tiny_model, tmp_path, linked):
    folder = tmp_path / "w"
    killed_at(origin, verb, tiny_model, folder, linked=linked)
    refused_at(
        origin,
        verb,
        tiny_model,
        folder,
        linked=linked,
        errors=lambda _: system_calls.ERRORS,
    )


def test_a_failure_to_read_that_does_not_come_again_is_no_damage(
    origin, tiny_model, tmp_path, monkeypatch
):
    place = prepared(origin, VERBS["migrate"], tiny_model, tmp_path / "w", linked=False)
    refused = iter([[Problem("ids", "[Errno 5] Input/output error")], []])
    monkeypatch.setattr(migration, "problems", lambda _: iter(next(refused)))

    with pytest.raises(StorageError, match="could not be read"):
        done(VERBS["migrate"], place)
    assert next(refused, None) is None
    assert open_index(place.index).header.version == 1
