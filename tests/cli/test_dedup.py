"""`nachash dedup` finds planted copies of real photos, and moves them only when told to."""

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image
from projection import random_projection
from sklearn.datasets import load_sample_images

COPIED = (0, 3, 7, 11)
VERTICAL, HORIZONTAL = 213, 160
ORIENTATION = 0x0112


def plant(folder):
    """Twelve tiles of two photos; four of them also smaller, recompressed and turned by EXIF."""
    folder.mkdir()
    tiles = [
        photo[y : y + VERTICAL, x : x + HORIZONTAL]
        for photo in load_sample_images().images
        for y in range(0, 2 * VERTICAL, VERTICAL)
        for x in range(0, 3 * HORIZONTAL, HORIZONTAL)
    ]
    for number, tile in enumerate(tiles):
        Image.fromarray(tile).save(folder / f"{number}.png")
    for number in COPIED:
        tile = Image.fromarray(tiles[number])
        tile.resize((112, 149)).save(folder / f"{number}-small.png")
        tile.save(folder / f"{number}-again.jpg", quality=60)
        exif = Image.Exif()
        exif[ORIENTATION] = 6
        turned = tile.transpose(Image.Transpose.ROTATE_90)
        turned.save(folder / f"{number}-turned.jpg", quality=95, exif=exif)


@pytest.fixture(scope="module")
def planted(tmp_path_factory, nachash):
    """A folder `photos` with planted copies, its index, and a model; any tells tiles apart."""
    home = tmp_path_factory.mktemp("dedup")
    plant(home / "photos")
    random_projection(home / "model", 16, 256)
    made = nachash("encode", "photos", "p.h5", "--model", "model", "--labels", "none", cwd=home)
    assert made.code == 0, made.err
    return home


@pytest.fixture
def copied(planted, tmp_path):
    """A copy that a test may move files in."""
    (tmp_path / "photos").mkdir()
    for path in (planted / "photos").iterdir():
        (tmp_path / "photos" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model").symlink_to(planted / "model")
    return tmp_path


def groups(finished):
    return [json.loads(line)["images"] for line in finished.out.splitlines()]


def names(group):
    return {Path(image["path"]).name for image in group}


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


WANTED = [{f"{n}.png", f"{n}-small.png", f"{n}-again.jpg", f"{n}-turned.jpg"} for n in COPIED]


@pytest.mark.parametrize(
    ("source", "grouping"),
    [
        ("p.h5", "components"),
        ("photos", "stars"),
        pytest.param("p.h5", "stars", marks=pytest.mark.slow),
        pytest.param("photos", "components", marks=pytest.mark.slow),
    ],
)
def test_exactly_the_planted_groups_are_found(nachash, planted, source, grouping):
    command = ["dedup", source, "--max-distance", 3, "--group", grouping, "--json"]
    found = groups(nachash(*command, "--model", "model", cwd=planted))

    assert sorted(map(sorted, map(names, found))) == sorted(map(sorted, WANTED))
    for group in found:
        assert [image["keep"] for image in group] == [True, False, False, False]
        assert (group[0]["width"], group[0]["height"]) in {(160, 213), (213, 160)}
        assert all(image["distance"] <= 3 for image in group)
        assert all((image["id"] is None) == (source == "photos") for image in group)


def test_a_pipe_gets_the_surplus_paths_and_the_table_every_image(nachash, planted, tmp_path):
    table = tmp_path / "groups.csv"
    finished = nachash("dedup", "p.h5", "--max-distance", 3, "--csv", table, cwd=planted)
    again = nachash("dedup", "p.h5", "--max-distance", 3, "--csv", table, cwd=planted)

    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
    assert len(finished.out.splitlines()) == 12
    assert all((planted / line).is_file() for line in finished.out.splitlines())
    assert len(rows) == 16
    assert {row["path"] for row in rows if row["keep"] == "0"} == set(finished.out.splitlines())
    assert again.code == 2
    assert "--overwrite" in again.err


def test_nothing_moves_without_apply(nachash, copied):
    before = files(copied / "photos")

    shown = nachash(
        "dedup", "photos", "--model", "model", "--max-distance", 3, "--move-to", "out", cwd=copied
    )

    assert shown.err.count("would move") == 12
    assert "nothing was moved: add --apply" in shown.err
    assert files(copied / "photos") == before
    assert not (copied / "out").exists()


def test_apply_moves_the_surplus_and_loses_no_byte(nachash, copied):
    before = files(copied / "photos")
    command = ["dedup", "photos", "--model", "model", "--max-distance", 3, "--move-to", "out"]

    moved = nachash(*command, "--apply", cwd=copied)
    again = nachash(*command, "--apply", cwd=copied)
    wrong = nachash("dedup", "photos", "--undo", "out", cwd=copied)

    kept, out = files(copied / "photos"), files(copied / "out")
    log = out.pop(copied / "out" / "nachash-moved.csv").decode().splitlines()
    assert moved.code == 0, moved.err
    assert (len(kept), len(out), len(log)) == (12, 12, 13)
    assert sorted([*kept.values(), *out.values()]) == sorted(before.values())
    assert again.code == 5
    assert "no duplicates within distance 3" in again.err
    assert (wrong.code, nachash("dedup", "--undo", "out", cwd=copied).code) == (2, 0)
    assert files(copied / "photos") == before


def test_reference_folders_are_kept_and_never_touched(nachash, copied):
    inside, outside = copied / "photos" / "originals", copied / "elsewhere"
    inside.mkdir()
    outside.mkdir()
    (copied / "photos" / "0-small.png").rename(inside / "0-small.png")
    (outside / "twin.png").write_bytes((copied / "photos" / "1.png").read_bytes())
    command = ["dedup", "photos", "--model", "model", "--max-distance", 3, "--json"]
    command += ["--reference", "photos/originals", "--reference", "elsewhere"]

    finished = nachash(*command, "--move-to", "out", "--apply", cwd=copied)

    by_keeper = {Path(group[0]["path"]).name: group for group in groups(finished)}
    assert by_keeper["0-small.png"][0]["reference"]
    assert names(by_keeper["twin.png"]) == {"twin.png", "1.png"}
    assert (inside / "0-small.png").is_file()
    assert (outside / "twin.png").is_file()
    assert not (copied / "photos" / "0.png").exists()
    refused = nachash(*command, "--move-to", "elsewhere/out", "--apply", cwd=copied)
    assert refused.code == 2
    assert "never touched" in refused.err


def test_nothing_found_is_code_five_or_none(nachash, indexed_digits):
    command = ["dedup", "query-only", "--model", "runs/model", "--max-distance", 0]
    folder = indexed_digits / "query-only"
    folder.mkdir()
    (folder / "q.jpg").write_bytes((indexed_digits / "query.jpg").read_bytes())

    assert nachash(*command, cwd=indexed_digits).code == 5
    assert nachash(*command, "--no-exit-code", cwd=indexed_digits).code == 0


@pytest.mark.parametrize(
    ("command", "code", "word"),
    [
        ("dedup missing.h5", 2, "missing.h5"),
        ("dedup query.jpg", 4, "query.jpg"),
        ("dedup out.h5 --reference nowhere", 2, "nowhere"),
        ("dedup out.h5 --max-distance -1", 2, "max-distance"),
        ("dedup out.h5 --csv no/such.csv", 2, "no"),
        ("dedup out.h5 --move-to query.jpg", 2, "query.jpg is not a folder"),
        ("dedup out.h5 --apply", 2, "--apply without --move-to"),
        ("dedup --move-to surplus", 2, "has to be named"),
    ],
)
def test_wrong_usage_is_one_sentence(nachash, indexed_digits, command, code, word):
    finished = nachash(*command.split(), cwd=indexed_digits)

    assert finished.code == code
    assert word in finished.err
    assert "Traceback" not in finished.err
