"""Bad input: one sentence, the documented exit code, no traceback, nothing lost."""

import os
import shutil
import socket

import h5py
import numpy as np
import pytest
from PIL import Image


def refused(finished, code, *words):
    """One sentence (and a hint) on stderr, nothing on stdout, that exit code."""
    assert finished.code == code, finished
    assert "Traceback" not in finished.err
    assert finished.out == ""
    for word in words:
        assert word in finished.err


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("search query.jpg --index missing.h5", 2, ["missing.h5"]),
        ("search query.jpg --index query.jpg", 4, ["query.jpg"]),
        ("search missing.jpg", 2, ["missing.jpg"]),
        ("search", 2, ["nothing to search for"]),
        ("search --id 99999", 2, ["99999"]),
        ("search --path no/such.png", 2, ["no/such.png"]),
        ("search query.jpg -k 0", 2, ["-k"]),
        ("search query.jpg --max-distance -1", 2, ["max-distance"]),
        ("encode ./missing new.h5", 2, ["missing"]),
        ("encode ./query.jpg out.h5", 2, ["out.h5 exists", "--overwrite"]),
        ("encode ./images query.jpg --overwrite", 2, ["query.jpg is not an index"]),
        ("encode ./images images", 2, ["is a folder"]),
        ("encode ./images no/such/out.h5", 2, ["no/such"]),
        ("encode ./images new.h5 --model nothing", 2, ["nothing", "nachash train"]),
        ("encode ./images new.h5 --labels none --device tpu", 2, ["tpu"]),
        ("encode ./images/0 new.h5 --labels folder", 2, ["--labels"]),
        ("train --bits 0", 2, ["0 bits"]),
        ("train --bits 4097", 2, ["4097 bits"]),
        ("train --noise 0.5", 2, ["0.5"]),
        ("train --noise loud", 2, ["loud"]),
        ("train --backbone small2", 2, ["small2", "small"]),
        ("train --dataset digit", 2, ["digit", "digits"]),
        ("train --method nack", 2, ["nack", "nac"]),
        ("train --budget soon", 2, ["soon", "--budget 90s"]),
        ("train --budget 0s", 2, ["0s"]),
        ("train --budget 1m --epochs 2", 2, ["--budget", "--epochs"]),
        ("train --set temperature", 2, ["NAME=VALUE"]),
        ("train --set temperature=1", 2, ["no setting 'temperature'", "noise"]),
        ("train --method simclr --set temperature=-1", 2, ["not positive"]),
        ("train --resume", 2, ["no interrupted run", "--resume"]),
        ("train --save-every often", 2, ["often", "--save-every"]),
        ("train --freeze --weights random", 2, ["frozen", "pretrained"]),
        ("train --head round", 2, ["round", "batch-norm"]),
        ("train ./missing", 2, ["missing"]),
        ("train ./images --dataset digits", 2, ["--dataset"]),
        ("train --out runs/model", 2, ["runs/model", "--overwrite"]),
        ("eval-map --dataset digits --index out.h5", 2, ["--dataset"]),
        ("eval-map --dataset digits --protocol nope --model runs/model", 2, ["nope"]),
        ("eval-map --plot curve.txt", 2, ["curve.txt"]),
        ("eval-map --index missing.h5", 2, ["missing.h5"]),
    ],
)
def test_wrong_usage_is_refused_in_one_sentence(nachash, indexed_digits, command, code, words):
    refused(nachash(*command.split(), cwd=indexed_digits), code, *words)


def test_a_process_says_the_same(nachash, nachash_process, indexed_digits):
    for command in ("search missing.jpg", "train --method nack", "search -k few query.jpg"):
        finished = nachash_process(*command.split(), cwd=indexed_digits)

        refused(finished, 2)
        assert finished == nachash(*command.split(), cwd=indexed_digits)


def test_debug_shows_the_traceback(nachash_process, indexed_digits):
    finished = nachash_process("search", "missing.jpg", "--debug", cwd=indexed_digits)

    assert finished.code == 1
    assert "Traceback" in finished.err


def test_without_any_index_the_error_says_what_to_type(nachash, tmp_path):
    finished = nachash("search", "query.jpg", cwd=tmp_path, NACHASH_STATE=str(tmp_path / "s"))

    refused(finished, 2, "there is no index", "nachash encode ./images out.h5")


def test_without_a_model_the_error_says_what_to_type(nachash, indexed_digits, tmp_path):
    refused(nachash("linear", "--dataset", "digits", cwd=tmp_path), 2, "no model", "nachash train")


def test_the_index_is_taken_from_the_environment_or_the_one_written_last(
    nachash, indexed_digits, tmp_path
):
    shutil.copy(indexed_digits / "query.jpg", tmp_path)
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "last-index").write_text(str(indexed_digits / "out.h5"))

    last = nachash("search", "query.jpg", cwd=tmp_path, NACHASH_STATE=str(tmp_path / "s"))
    named = nachash(
        "search", "query.jpg", cwd=tmp_path, NACHASH_INDEX=str(indexed_digits / "out.h5")
    )

    assert last.code == named.code == 0
    assert "the index written last" in last.err
    assert "$NACHASH_INDEX" in named.err


def test_an_empty_folder_and_one_without_images(nachash, indexed_digits, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "note.txt").write_text("no picture")

    for folder in ("empty", "texts"):
        finished = nachash("encode", tmp_path / folder, tmp_path / "o.h5", cwd=indexed_digits)
        refused(finished, 1, folder)
    assert not (tmp_path / "o.h5").exists()


def test_bad_files_are_skipped_listed_and_counted(nachash, indexed_digits, tmp_path, noise_images):
    folder = noise_images(tmp_path / "mixed")
    (folder / "text.jpg").write_text("this is not a picture")
    (folder / "zero.png").write_bytes(b"")
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:900])
    (folder / "dangling.jpg").symlink_to(folder / "nowhere.jpg")
    os.mkfifo(folder / "pipe.jpg")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket.jpg"))
    bad = ("text.jpg", "zero.png", "cut.png", "dangling.jpg", "pipe.jpg", "socket.jpg")

    plain = nachash("encode", folder, tmp_path / "a.h5", cwd=indexed_digits)
    strict = nachash("encode", folder, tmp_path / "b.h5", "--strict", cwd=indexed_digits)
    listener.close()

    assert plain.code == 0, plain.err
    assert strict.code == 3
    assert "3, 6 skipped" in plain.out
    for name in bad:
        assert f"skipped {name}: " in plain.err


def test_a_folder_of_only_bad_files_ends_with_one_sentence(nachash, indexed_digits, tmp_path):
    folder = tmp_path / "bad"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.jpg").write_text("not a picture")

    finished = nachash("encode", folder, tmp_path / "o.h5", cwd=indexed_digits)

    refused(finished, 1, "bad")
    assert not (tmp_path / "o.h5").exists()


def test_odd_pictures_are_encoded(nachash, indexed_digits, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    rgb = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8))
    rgb.convert("L").save(folder / "grey.png")
    rgb.convert("1").save(folder / "bilevel.png")
    Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(30, 40) * 50).save(folder / "deep.png")
    rgb.convert("P").save(folder / "palette.gif")
    rgb.convert("CMYK").save(folder / "cmyk.jpg")
    rgb.convert("RGBA").save(folder / "alpha.webp")
    rgb.save(folder / "moving.gif", save_all=True, append_images=[rgb.rotate(90)])
    rgb.resize((1, 1)).save(folder / "pixel.png")
    rgb.resize((3000, 1)).save(folder / "thin.png")
    rgb.save(folder / "png-named.jpg", format="PNG")

    finished = nachash("encode", folder, tmp_path / "o.h5", "--strict", cwd=indexed_digits)

    assert finished.code == 0, finished.err
    assert "images   10" in finished.out


def test_overwrite_replaces_an_index_only_when_the_new_one_is_complete(
    nachash, indexed_digits, tmp_path
):
    target = tmp_path / "o.h5"
    nachash("encode", "images", target, cwd=indexed_digits)
    before = target.read_bytes()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.jpg").write_text("no")

    failed = nachash("encode", tmp_path / "bad", target, "--overwrite", cwd=indexed_digits)
    kept = target.read_bytes()
    replaced = nachash("encode", "images/3", target, "--overwrite", cwd=indexed_digits)

    assert failed.code == 1
    assert kept == before
    assert replaced.code == 0
    assert target.read_bytes() != before
    assert [path.name for path in tmp_path.glob("o.h5*")] == ["o.h5"]


def test_a_newer_index_and_a_newer_model_are_refused(nachash, indexed_digits, tmp_path):
    newer = tmp_path / "newer.h5"
    shutil.copy(indexed_digits / "out.h5", newer)
    with h5py.File(newer, "a") as file:
        file.attrs["format_version"] = 99
    model = tmp_path / "model"
    shutil.copytree(indexed_digits / "runs" / "model", model)
    config = model / "config.json"
    config.write_text(config.read_text().replace('"schema_version": 1', '"schema_version": 99'))

    refused(
        nachash("search", "query.jpg", "--index", newer, cwd=indexed_digits), 4, "newer.h5", "99"
    )
    encoded = nachash("encode", "images", tmp_path / "o.h5", "--model", model, cwd=indexed_digits)
    refused(encoded, 4, "99")


def test_indexes_of_different_encoders_are_not_compared(nachash, indexed_digits, tmp_path):
    trained = nachash("train", "--epochs", 1, "--seed", 1, "--out", tmp_path / "m", cwd=tmp_path)
    assert trained.code == 0, trained.err
    nachash("encode", "images", tmp_path / "q.h5", "--model", tmp_path / "m", cwd=indexed_digits)

    finished = nachash(
        "eval-map", "--queries", tmp_path / "q.h5", "--index", "out.h5", cwd=indexed_digits
    )

    refused(finished, 4, "different encoders")


def test_k_larger_than_the_index_gives_all_and_says_so(nachash, indexed_digits):
    finished = nachash("search", "query.jpg", "-k", 500, cwd=indexed_digits)

    assert finished.code == 0
    assert len(finished.out.splitlines()) == 200
    assert "only 200 images" in finished.err


def test_nothing_within_the_radius_is_exit_5(nachash, indexed_digits, tmp_path):
    nachash("encode", "images/3", tmp_path / "threes.h5", cwd=indexed_digits)
    Image.new("RGB", (32, 32), (255, 0, 0)).save(tmp_path / "red.png")
    arguments = ("search", tmp_path / "red.png", "--index", tmp_path / "threes.h5")

    empty = nachash(*arguments, "--max-distance", 0, cwd=indexed_digits)
    silenced = nachash(*arguments, "--max-distance", 0, "--no-exit-code", cwd=indexed_digits)

    assert (empty.code, silenced.code) == (5, 0)


def test_a_list_with_missing_files_skips_them(nachash, indexed_digits, tmp_path):
    listing = tmp_path / "list.txt"
    listing.write_text(f"{indexed_digits}/images/0/0000.png\n{indexed_digits}/images/none.png\n")

    finished = nachash("encode", listing, tmp_path / "o.h5", cwd=indexed_digits)

    assert finished.code == 0, finished.err
    assert "none.png" in finished.err


def test_a_settings_file_gives_defaults_and_unknown_keys_are_errors(
    nachash, indexed_digits, tmp_path
):
    shutil.copy(indexed_digits / "query.jpg", tmp_path)
    shutil.copy(indexed_digits / "out.h5", tmp_path)
    settings = tmp_path / "nachash.toml"
    settings.write_text('[search]\nindex = "out.h5"\nk = 2\n')
    good = nachash("search", "query.jpg", cwd=tmp_path)
    flag_wins = nachash("search", "query.jpg", "-k", 3, cwd=tmp_path)
    settings.write_text("[search]\nindez = 3\n")
    bad = nachash("search", "query.jpg", cwd=tmp_path)

    assert len(good.out.splitlines()) == 2
    assert good.err.splitlines()[0] == "settings: nachash.toml (index, k)"
    assert len(flag_wins.out.splitlines()) == 3
    refused(bad, 2, "indez", "did you mean index?")


def test_labels_of_no_image_are_told_and_strict_refuses_them(nachash, indexed_digits, tmp_path):
    for name in ("a.png", "b.png"):
        shutil.copy(indexed_digits / "query.jpg", tmp_path / name)
    (tmp_path / "l.csv").write_text("path,label\na.png,x\nB.PNG,y\n", encoding="utf-8")
    command = ["encode", tmp_path, tmp_path / "o.h5", "--labels", tmp_path / "l.csv"]

    told = nachash(*command, cwd=indexed_digits)
    strict = nachash(*command, "--strict", cwd=indexed_digits)

    assert told.code == 0
    assert "1 of 2 rows name no image, as B.PNG; 1 of them would but for spelling" in told.err
    assert strict.code == 3
