"""The verbs of `nachash index`, called as Python and once each as a user types them."""

import json
import os
import shutil
import tarfile

import faiss
import fsspec
import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

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
from nachash.tasks.encode.encode import EncodeSettings, encode
from nachash.tasks.index.add import AddSettings, add
from nachash.tasks.index.compact import CompactSettings, compact
from nachash.tasks.index.export import ExportSettings, export
from nachash.tasks.index.info import InfoSettings, info
from nachash.tasks.index.merge import MergeSettings, merge
from nachash.tasks.index.migrate import MigrateSettings, migrate
from nachash.tasks.index.remove import RemoveSettings, remove
from nachash.tasks.index.repair import RepairSettings, repair
from nachash.tasks.index.verify import VerifySettings, verify
from nachash.tasks.search.search import SearchSettings, search


def added(index, folder, **settings):
    return add(AddSettings(images=str(folder), index=index, workers=0, **settings))


def contents(path):
    """Everything that a reader sees of the live rows."""
    with open_index(path) as index:
        labels = index.labels().tolist() if index.has_labels else None
        rows = (index.ids().tolist(), index.all_paths(), index.codes().tolist())
        return (*rows, labels, index.label_names, index.errors())


def picture(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def sound(path):
    return verify(VerifySettings(index=path)).problems == ()


def found(path, query, **settings):
    answer = search(SearchSettings(queries=(str(query),), index=path, **settings))
    return [hit.id for hit in answer.hits[0]]


def test_adding_twice_encodes_nothing(encoded, photos):
    before = encoded.read_bytes()

    result = added(encoded, photos)

    assert (result.added, result.changed, result.unchanged, result.images) == (0, 0, 12, 12)
    assert encoded.read_bytes() == before


def test_new_and_changed_images_are_encoded_and_ids_go_on(encoded, photos):
    picture(photos / "cat" / "new.png", 50)
    picture(photos / "bird" / "b.png", 51)
    picture(photos / "dog" / "01.png", 52)

    result = added(encoded, photos)

    assert (result.added, result.changed, result.unchanged) == (2, 1, 11)
    ids, paths, _, labels, names, _ = contents(encoded)
    assert paths[-3:] == ["bird/b.png", "cat/new.png", "dog/01.png"]
    assert ids[-3:] == [12, 13, 14]
    assert names == ("cat", "dog", "bird")
    assert labels[-3:] == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert len(set(paths)) == len(paths) == 14
    assert found(encoded, photos / "dog" / "01.png", k=1) == [14]
    assert sound(encoded)


def test_what_is_added_is_what_encoding_all_at_once_gives(encoded, photos, tiny_model, tmp_path):
    picture(photos / "dog" / "new.png", 50)
    added(encoded, photos)
    fresh = tmp_path / "fresh.h5"
    encode(EncodeSettings(images=str(photos), out=fresh, model=tiny_model, workers=0))

    by_path = [dict(zip(*contents(path)[1:3], strict=True)) for path in (encoded, fresh)]

    assert by_path[0] == by_path[1]


def test_a_part_of_the_folder_and_a_single_image_can_be_added(encoded, photos):
    picture(photos / "dog" / "a.png", 50)
    picture(photos / "cat" / "a.png", 51)

    part = added(encoded, photos / "dog")
    single = added(encoded, photos / "cat" / "a.png")

    assert (part.added, single.added) == (1, 1)
    assert contents(encoded)[1][-2:] == ["dog/a.png", "cat/a.png"]


def test_images_outside_of_the_root_are_refused_with_the_way_out(encoded, tmp_path):
    picture(tmp_path / "other" / "a.png", 1)

    with pytest.raises(UsageError, match="does not lie below") as caught:
        added(encoded, tmp_path / "other")
    assert "index merge" in caught.value.hint


def test_only_the_content_counts_when_hashes_are_compared(encoded, photos, tiny_model, tmp_path):
    out = tmp_path / "hashed.h5"
    settings = EncodeSettings(images=str(photos), out=out, model=tiny_model, workers=0, hash=True)
    encode(settings)
    os.utime(photos / "cat" / "00.png", ns=(1, 1))

    by_time = added(encoded, photos)
    by_content = added(out, photos, hash=True)
    again = added(out, photos)

    assert (by_time.changed, by_content.changed, again.changed) == (1, 0, 0)
    assert contents(out)[0] == list(range(12))
    assert sound(out)


def test_a_failed_image_is_listed_once_and_tried_again(encoded, photos):
    (photos / "cat" / "bad.png").write_bytes(b"no picture")
    first = added(encoded, photos)
    second = added(encoded, photos)
    listed = contents(encoded)[5]
    picture(photos / "cat" / "bad.png", 60)
    third = added(encoded, photos)

    assert [len(first.skipped), len(second.skipped), third.added] == [1, 1, 1]
    assert [image.path for image in listed] == ["cat/bad.png"]
    assert contents(encoded)[5] == []


def test_labels_of_a_table_are_not_guessed(photos, tiny_model, tmp_path, encoded):
    table = tmp_path / "labels.csv"
    table.write_text("path,label\ncat/00.png,black\ncat/02.png,white\n")
    out = tmp_path / "table.h5"
    encode(
        EncodeSettings(images=str(photos), out=out, model=tiny_model, labels=str(table), workers=0)
    )
    picture(photos / "cat" / "new.png", 50)

    with pytest.raises(UsageError, match="not the names of its folders"):
        added(out, photos)
    table.write_text("path,label\ncat/new.png,grey\n")
    added(out, photos, labels=str(table))

    assert contents(out)[4] == ("black", "white", "grey")
    assert contents(out)[3][-1] == [0, 0, 1]


def test_a_removed_image_is_never_found_and_its_id_never_used_again(encoded, photos):
    query = photos / "cat" / "00.png"
    assert found(encoded, query, k=1) == [0]

    result = remove(RemoveSettings(paths=("cat/00.png",), index=encoded))

    assert (result.removed, result.images) == (("cat/00.png",), 11)
    assert 0 not in found(encoded, query, k=100)
    assert 0 not in found(encoded, query, max_distance=24)
    for settings in ({"ids": (0,)}, {"paths": ("cat/00.png",)}):
        with pytest.raises(MissingError):
            search(SearchSettings(index=encoded, **settings))
    assert added(encoded, photos).added == 1
    assert found(encoded, query, k=1) == [12]
    assert sound(encoded)


def test_a_folder_is_removed_also_as_seen_from_here(encoded, photos, monkeypatch):
    monkeypatch.chdir(photos)
    assert len(remove(RemoveSettings(paths=("cat/",), index=encoded)).removed) == 6
    monkeypatch.chdir(photos / "dog")
    assert len(remove(RemoveSettings(paths=(".",), index=encoded)).removed) == 6
    with pytest.raises(MissingError, match="no image"):
        remove(RemoveSettings(paths=("cat",), index=encoded))


def test_missing_files_are_removed_but_not_a_whole_missing_root(encoded, photos):
    (photos / "cat" / "02.png").unlink()
    assert remove(RemoveSettings(missing=True, index=encoded)).removed == ("cat/02.png",)

    photos.rename(photos.with_name("elsewhere"))

    with pytest.raises(MissingError, match="nothing is removed"):
        remove(RemoveSettings(missing=True, index=encoded))
    assert len(contents(encoded)[0]) == 11


def test_remove_wants_either_paths_or_missing(encoded):
    for settings in (
        RemoveSettings(index=encoded),
        RemoveSettings(paths=("a",), missing=True, index=encoded),
    ):
        with pytest.raises(UsageError):
            remove(settings)


def test_compacting_drops_removed_rows_and_keeps_everything_else(encoded, photos):
    (photos / "bad.png").write_bytes(b"x")
    (photos / "cat" / "bad.png").write_bytes(b"x")
    added(encoded, photos)
    remove(RemoveSettings(paths=("cat/00.png", "dog/11.png"), index=encoded))
    before = contents(encoded)

    result = compact(CompactSettings(index=encoded))

    assert (result.images, result.dropped) == (10, 2)
    assert contents(encoded) == before
    assert info(InfoSettings(index=encoded)).removed == 0
    picture(photos / "cat" / "z.png", 50)
    added(encoded, photos)
    assert 11 not in contents(encoded)[0]
    assert max(contents(encoded)[0]) >= 12
    assert sound(encoded)
    assert sorted(path.suffix for path in encoded.parent.iterdir() if path.is_file()) == [".h5"]


def test_compacting_waits_for_nobody_and_harms_nothing(encoded):
    with writer.open_for_append(encoded), pytest.raises(StorageError, match="process"):
        compact(CompactSettings(index=encoded))


def test_a_reader_of_a_compacted_index_goes_on_reading_the_old_one(encoded):
    with open_index(encoded) as reading:
        assert reading.removed == 0
        remove(RemoveSettings(paths=("cat",), index=encoded))
        compact(CompactSettings(index=encoded))
        assert len(reading.codes()) == reading.rows == 12
    with open_index(encoded) as reading:
        assert reading.rows == 6


def test_merging_brings_roots_labels_and_errors_together(photos, tiny_model, tmp_path, encoded):
    (photos / "dog" / "bad.png").write_bytes(b"x")
    parts = []
    for name in ("cat", "dog"):
        part = tmp_path / f"{name}.h5"
        settings = EncodeSettings(
            images=str(photos / name), out=part, model=tiny_model, workers=0, labels="none"
        )
        encode(settings)
        parts.append(part)
    out = tmp_path / "merged.h5"

    result = merge(MergeSettings(indexes=(*parts, encoded), out=out))

    assert (result.images, result.dropped) == (12, 12)
    assert sorted(contents(out)[1]) == sorted(contents(encoded)[1])
    assert contents(out)[4] == ("cat", "dog")
    assert [image.path for image in contents(out)[5]] == ["dog/bad.png"]
    assert sound(out)
    with pytest.raises(ExistsError):
        merge(MergeSettings(indexes=tuple(parts), out=out))
    merge(MergeSettings(indexes=tuple(parts), out=out, overwrite=True))
    assert contents(out)[3] is None


def test_indexes_of_different_encoders_are_not_merged(encoded, create, batch, tmp_path):
    with create("other.h5", bits=24) as other:
        other.append(*batch(3, bits=24))

    with pytest.raises(IncompatibleError, match="different encoders"):
        merge(MergeSettings(indexes=(encoded, other.path), out=tmp_path / "m.h5"))
    with pytest.raises(UsageError, match="fewer than two"):
        merge(MergeSettings(indexes=(encoded,), out=tmp_path / "m.h5"))
    assert not list(tmp_path.glob("*m.h5*"))


@pytest.mark.parametrize("suffix", ["npy", "csv", "faiss", "parquet"])
def test_exported_codes_are_those_of_the_index(encoded, suffix, tmp_path):
    remove(RemoveSettings(paths=("cat/00.png",), index=encoded))
    out = tmp_path / f"codes.{suffix}"

    result = export(ExportSettings(out=out, index=encoded))

    ids, paths, codes, *_ = contents(encoded)
    assert result.images == 11
    as_hex = [bytes(code).hex() for code in codes]
    if suffix == "npy":
        assert np.load(out).tolist() == codes
        assert np.load(tmp_path / "codes.ids.npy").tolist() == ids
        assert (tmp_path / "codes.paths.txt").read_text().splitlines() == paths
    elif suffix == "csv":
        lines = [f"{i},{p},{c}" for i, p, c in zip(ids, paths, as_hex, strict=True)]
        assert out.read_text().splitlines() == ["id,path,code", *lines]
    elif suffix == "faiss":
        read = faiss.read_index_binary(str(out))
        distances, nearest = read.search(np.array(codes, np.uint8), 1)
        assert (distances.ravel().tolist(), nearest.ravel().tolist()) == ([0] * 11, ids)
    else:
        table = parquet.read_table(out).to_pydict()
        assert table == {"id": ids, "path": paths, "code": as_hex}
    with pytest.raises(ExistsError):
        export(ExportSettings(out=out, index=encoded))


def test_an_export_does_not_overwrite_the_files_beside(encoded, tmp_path):
    (tmp_path / "codes.ids.npy").write_text("mine")

    with pytest.raises(ExistsError, match=r"codes\.ids\.npy"):
        export(ExportSettings(out=tmp_path / "codes.npy", index=encoded))
    with pytest.raises(UsageError, match="does not say"):
        export(ExportSettings(out=tmp_path / "codes.xyz", index=encoded))


def flip(path, dataset, chunk=0, byte=5):
    import h5py

    with h5py.File(path, "r") as file:
        offset = file[dataset].id.get_chunk_info(chunk).byte_offset + byte
    content = bytearray(path.read_bytes())
    content[offset] ^= 4
    path.write_bytes(content)


def test_repair_saves_the_sound_rows_and_keeps_the_damaged_file(create, batch):
    with create(label_names=("a", "b")) as writing:
        codes, references = batch(20_000)
        writing.append(codes, references, np.ones((20_000, 2), np.uint8))
    path = writing.path
    flip(path, "codes", chunk=0)
    damaged = path.read_bytes()
    wrong = verify(VerifySettings(index=path)).problems
    with open_index(path) as index, pytest.raises(DamagedError) as refused:
        index.codes()
    assert "index repair" in refused.value.hint

    result = repair(RepairSettings(index=path))

    assert [problem.part for problem in wrong] == ["codes"]
    assert 0 < result.lost < 20_000
    assert result.images == 20_000 - result.lost
    assert path.with_name("x.h5.damaged").read_bytes() == damaged
    with open_index(path) as index:
        kept = index.ids()
        assert (index.codes() == codes[kept]).all()
        assert index.all_paths() == [references[row].path for row in kept]
        assert index.next_id == 20_000
    assert sound(path)
    assert repair(RepairSettings(index=path)).lost == 0


@pytest.mark.parametrize(
    "part", ["paths/bytes", "paths/ends", "ids", "status", "labels/numbers", "size"]
)
def test_repair_loses_only_rows_of_the_damaged_chunk(part, create, batch):
    with create(label_names=("a", "b")) as writing:
        codes, references = batch(33_000)
        writing.append(codes, references, np.ones((33_000, 2), np.uint8))
    flip(writing.path, part)

    result = repair(RepairSettings(index=writing.path))

    assert result.images > 0
    assert 0 < result.lost < 33_000
    with open_index(writing.path) as index:
        assert (index.codes() == codes[index.ids()]).all()
        assert index.all_paths() == [references[row].path for row in index.ids()]


def test_a_damaged_index_is_not_repaired_or_judged_while_it_is_written(encoded):
    with writer.open_for_append(encoded):
        flip(encoded, "codes")
        with pytest.raises(StorageError, match="process"):
            verify(VerifySettings(index=encoded))
        with pytest.raises(StorageError, match="process"):
            repair(RepairSettings(index=encoded))
    assert len(repair(RepairSettings(index=encoded)).done) == 1


def test_an_index_with_a_damaged_encoder_is_not_repaired_and_not_touched(encoded):
    flip(encoded, "encoder")
    before = encoded.read_bytes()

    with pytest.raises(DamagedError, match="cannot be repaired"):
        repair(RepairSettings(index=encoded))
    assert encoded.read_bytes() == before
    assert not encoded.with_name("out.h5.repaired").exists()


def test_migration_has_nothing_to_do(encoded):
    assert "nothing is to be done" in migrate(MigrateSettings(index=encoded))


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("info out.h5", 0, ["images    12", "2: cat, dog"]),
        slow("verify --index out.h5", 0, ["out.h5: sound"]),
        ("verify broken.h5", 4, ["codes: ", "repair"]),
        ("add photos --index out.h5", 0, ["0 new, 0 changed, 12 unchanged"]),
        ("remove cat/00.png --index out.h5", 0, ["11 images left"]),
        slow("remove nobody.png --index out.h5", 2, ["nobody.png"]),
        slow("compact out.h5", 0, ["12 images"]),
        ("merge out.h5 other.h5 both.h5", 0, ["12 images"]),
        slow("export codes.csv --index out.h5", 0, ["12 codes"]),
        ("export codes.csv --index missing.h5", 2, ["missing.h5"]),
        slow("repair out.h5", 0, ["nothing was wrong"]),
        slow("migrate out.h5", 0, ["newest"]),
        slow("info photos/cat/00.png", 4, ["not a nachash index"]),
    ],
)
def test_each_command_as_a_user_types_it(nachash, encoded, command, code, words):
    folder = encoded.parent
    shutil.copy(encoded, folder / "other.h5")
    shutil.copy(encoded, folder / "broken.h5")
    flip(folder / "broken.h5", "codes")

    finished = nachash("index", *command.split(), cwd=folder)

    assert finished.code == code, finished
    assert "Traceback" not in finished.err
    for word in words:
        assert word in finished.out + finished.err


def test_json_of_info_and_verify(nachash, encoded):
    facts = json.loads(nachash("index", "info", encoded, "--json", cwd=encoded.parent).out)
    verified = json.loads(nachash("index", "verify", encoded, "--json", cwd=encoded.parent).out)

    assert (facts["images"], facts["removed"], facts["labels"]) == (12, 0, ["cat", "dog"])
    assert (verified["rows"], verified["problems"]) == (12, [])


def test_a_settings_file_reaches_the_commands_of_a_group(nachash, encoded):
    settings = encoded.parent / "nachash.toml"
    settings.write_text('[index.info]\nindex = "out.h5"\njson = true\n')
    good = nachash("index", "info", cwd=encoded.parent)
    settings.write_text("[index.infos]\njson = true\n")
    bad = nachash("index", "info", cwd=encoded.parent)

    assert json.loads(good.out)["images"] == 12
    assert bad.code == 2
    assert "did you mean info?" in bad.err


def test_an_index_of_a_url_is_continued_searched_and_cleaned(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv("NACHASH_STATE", str(tmp_path / "state"))
    files = fsspec.filesystem("memory")
    for number in range(4):
        picture(tmp_path / "p.png", number)
        files.pipe_file(f"/album/{number}.png", (tmp_path / "p.png").read_bytes())
        if number == 2:
            out = tmp_path / "out.h5"
            encode(EncodeSettings(images="memory://album", out=out, model=tiny_model, workers=0))
    result = added(out, "memory://album")
    files.rm("/album/1.png")
    gone = remove(RemoveSettings(missing=True, index=out))
    answer = search(SearchSettings(queries=("memory://album/3.png",), index=out))
    files.rm("/album", recursive=True)

    assert (result.added, result.unchanged) == (1, 3)
    assert gone.removed == ("1.png",)
    assert answer.hits[0][0].path == "memory://album/3.png"


def test_shards_bring_their_labels(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv("NACHASH_STATE", str(tmp_path / "state"))
    picture(tmp_path / "p.png", 1)
    for number, label in enumerate(("cat", "dog")):
        (tmp_path / "key.cls").write_text(label)
        with tarfile.open(tmp_path / f"s-{number}.tar", "w") as archive:
            archive.add(tmp_path / "p.png", "key.png")
            archive.add(tmp_path / "key.cls", "key.cls")
    out = tmp_path / "out.h5"
    pattern = str(tmp_path / "s-{0..1}.tar")

    encode(EncodeSettings(images=pattern, out=out, model=tiny_model, workers=0))

    _, paths, _, labels, names, _ = contents(out)
    assert paths == ["s-0.tar/key.png", "s-1.tar/key.png"]
    assert (names, labels) == (("cat", "dog"), [[1, 0], [0, 1]])
    assert added(out, pattern).unchanged == 2
