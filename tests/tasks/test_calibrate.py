"""Calibration: counts equal loops, radii follow their rule, the index keeps it and its rows."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from projection import random_projection

from nachash.codes import hamming
from nachash.errors import DamagedError
from nachash.index import writer
from nachash.index.reader import open_index
from nachash.results.calibration import Calibration
from nachash.tasks.dedup.calibrate import recommended
from nachash.tasks.dedup.strangers import copies_among, look_alike, random_distances
from nachash.tasks.search.radius import calibration_of

BITS = 16


def counts(distances):
    return np.bincount(distances, minlength=BITS + 1).astype(np.int64)


def test_random_pairs_have_the_distances_of_all_pairs():
    codes = np.random.default_rng(0).integers(0, 256, (300, 2), np.uint8)
    every = hamming(codes, codes)[~np.eye(300, dtype=bool)]

    found, near = random_distances(codes, BITS, np.random.default_rng(1))

    shares = np.bincount(every, minlength=BITS + 1) / every.size
    assert found.sum() == 300 * 299
    assert (near[:, 2] <= BITS // 8).all()
    assert (np.bitwise_count(codes[near[:, 0]] ^ codes[near[:, 1]]).sum(axis=1) == near[:, 2]).all()
    assert np.abs(found / found.sum() - shares).max() < 0.01


def test_a_code_is_never_paired_with_itself():
    codes = np.array([[0, 0], [255, 255]], np.uint8)

    found, near = random_distances(codes, BITS, np.random.default_rng(0))
    assert found.tolist() == [0] * 16 + [2]
    assert not len(near)


def test_copies_are_no_strangers():
    """Of ten pairs at distance 1 half are copies; one cannot be opened, one is flat."""
    pictures = dict(enumerate(np.random.default_rng(0).normal(size=(20, 9))))
    for row in range(0, 10, 2):
        pictures[row + 1] = 3 * pictures[row] + 5
    pictures[12], pictures[15] = None, np.ones(9)
    near = np.array([[row, row + 1, 1] for row in range(0, 20, 2)])

    found = copies_among(counts([1] * 100 + [8] * 900), near, pictures.get)

    assert found.tolist() == [0, 50] + [0] * 15
    assert not look_alike(pictures[15], pictures[15])


def test_a_collection_of_pairs_is_calibrated_as_one_of_single_pictures(nachash, tmp_path):
    """Each picture also at half its size: before, the pairs were taken for strangers."""
    random_projection(tmp_path / "model", 16, 64)
    rng = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    for number in range(60):
        small = Image.fromarray(rng.integers(0, 256, (6, 9, 3), np.uint8))
        large = small.resize((96, 64), Image.Resampling.BICUBIC)
        large.save(tmp_path / "in" / f"{number}.png")
        large.resize((48, 32)).save(tmp_path / "in" / f"{number}-half.png")
    nachash("encode", "in", "c.h5", "--model", "model", "--labels", "none", cwd=tmp_path)
    before = nachash("dedup", "c.h5", cwd=tmp_path).out.splitlines()

    measured = nachash("calibrate", "c.h5", "--json", cwd=tmp_path)

    after = nachash("dedup", "c.h5", cwd=tmp_path)
    assert json.loads(measured.out)["same_photo_radius"] > 0
    assert "120 images are few" in measured.err
    assert len(after.out.splitlines()) >= len(before) >= 50


def test_the_radius_finds_the_copies_and_keeps_strangers_out():
    random = counts([3] * 1 + [8] * 999)  # 1 of 1,000 pairs within 3
    same = counts([0] * 60 + [2] * 39 + [9] * 1)

    measured = recommended(BITS, 101, 10, random, same, counts([5] * 100))

    assert measured.false_positives(3) == pytest.approx(100 / 1000)
    assert (measured.same_photo_radius, measured.similar_radius) == (2, 5)
    strict = recommended(BITS, 10_001, 10, random, same, counts([9] * 100))
    assert strict.false_positives(3) == pytest.approx(10)
    assert (strict.same_photo_radius, strict.similar_radius) == (2, 7)


@given(
    st.lists(st.integers(0, BITS), min_size=1, max_size=50),
    st.lists(st.integers(0, BITS), min_size=1, max_size=50),
    st.lists(st.integers(0, BITS), min_size=1, max_size=50),
    st.integers(2, 10**7),
)
def test_radii_are_ordered_and_survive_storing(random, same, similar, rows):
    measured = recommended(BITS, rows, 1, counts(random), counts(same), counts(similar))

    assert 0 <= measured.same_photo_radius <= measured.similar_radius <= BITS
    assert Calibration.from_json(measured.to_json()) == measured


def test_calibrating_stores_radii_that_search_and_dedup_use(nachash, indexed_digits, tmp_path):
    shutil.copy(indexed_digits / "out.h5", tmp_path / "c.h5")
    index = tmp_path / "c.h5"
    refused = nachash("search", "query.jpg", "--similar", "--index", index, cwd=indexed_digits)
    shown = nachash("calibrate", index, "--images", 20, cwd=indexed_digits)
    printed = nachash("calibrate", index, "--images", 20, "--json", cwd=indexed_digits)
    measured = json.loads(printed.out)

    found = nachash(
        "search", "query.jpg", "--similar", "--index", index, "--json", "--no-exit-code",
        cwd=indexed_digits,
    )  # fmt: skip
    groups = nachash("dedup", index, "--codes-only", "--no-exit-code", cwd=indexed_digits)

    assert refused.code == 2
    assert "nachash calibrate" in refused.err
    assert "strangers per query" in shown.out
    assert measured["images"] == 20
    assert sum(measured["same_photo"]) == sum(measured["similar"]) == 60
    distances = [json.loads(line)["distance"] for line in found.out.splitlines()]
    assert max(distances, default=0) <= measured["similar_radius"]
    assert f"radius: {measured['same_photo_radius']} of 64 bits (calibrated" in groups.err
    with open_index(index) as kept, open_index(indexed_digits / "out.h5") as original:
        assert kept.codes().tolist() == original.codes().tolist()
        assert kept.all_paths() == original.all_paths()


def test_a_calibration_that_cannot_be_understood_is_damage(indexed_digits, tmp_path):
    shutil.copy(indexed_digits / "out.h5", tmp_path / "c.h5")
    with writer.open_for_append(tmp_path / "c.h5") as index:
        index.store_calibration('{"bits": 3}')

    with open_index(tmp_path / "c.h5") as index, pytest.raises(DamagedError, match="calibrat"):
        calibration_of(index)


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("calibrate missing.h5", "missing.h5"),
        ("search query.jpg --index out.h5 --similar --max-distance 3", "exclude"),
    ],
)
def test_wrong_usage_is_one_sentence(nachash, indexed_digits, command, word):
    finished = nachash(*command.split(), cwd=indexed_digits)

    assert finished.code == 2
    assert word in finished.err
