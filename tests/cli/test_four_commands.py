"""The four commands of the README, typed as they stand there, in a folder with two things in it."""

import json
import shutil

import pytest


@pytest.mark.slow
def test_the_four_commands_work_in_this_order(nachash_process, indexed_digits, tmp_path):
    shutil.copytree(indexed_digits / "images", tmp_path / "images")
    shutil.copy(indexed_digits / "query.jpg", tmp_path)

    for line in ("train", "encode ./images out.h5", "search query.jpg", "eval-map"):
        finished = nachash_process(*line.split(), cwd=tmp_path)
        assert finished.code == 0, finished.err

    assert (tmp_path / "runs" / "latest" / "encoder.onnx").is_file()


def test_search_prints_plain_paths_into_a_pipe(nachash_process, indexed_digits):
    finished = nachash_process("search", "query.jpg", "-k", 3, cwd=indexed_digits)

    lines = finished.out.splitlines()
    assert len(lines) == 3
    assert all((indexed_digits / line).is_file() for line in lines)
    assert "index: out.h5 (the only index in this directory)" in finished.err


def test_search_json_has_an_object_per_hit_in_order(nachash, indexed_digits):
    finished = nachash("search", "query.jpg", "query.jpg", "-k", 4, "--json", cwd=indexed_digits)

    hits = [json.loads(line) for line in finished.out.splitlines()]
    assert [hit["rank"] for hit in hits] == [1, 2, 3, 4] * 2
    assert list(hits[0]) == ["query", "rank", "id", "path", "distance", "label"]
    keys = [(hit["distance"], hit["id"]) for hit in hits[:4]]
    assert keys == sorted(keys)


def test_an_indexed_image_is_its_own_best_hit_and_left_out_when_named_by_id(
    nachash, indexed_digits
):
    by_file = nachash("search", "images/0/0000.png", "-k", 1, "--json", cwd=indexed_digits)
    first = json.loads(by_file.out)

    by_id = nachash("search", "--id", first["id"], "-k", 200, "--json", cwd=indexed_digits)
    by_path = nachash("search", "--path", "0/0000.png", "-k", 200, "--json", cwd=indexed_digits)

    assert first["distance"] == 0
    assert first["id"] not in [json.loads(line)["id"] for line in by_id.out.splitlines()]
    assert len(by_id.out.splitlines()) == 199
    assert by_id.out == by_path.out


def test_max_distance_is_inclusive_and_finds_all(nachash, indexed_digits):
    everything = nachash("search", "query.jpg", "-k", 200, "--json", cwd=indexed_digits)
    distances = [json.loads(line)["distance"] for line in everything.out.splitlines()]
    radius = distances[20]

    within = nachash("search", "query.jpg", "--max-distance", radius, "--json", cwd=indexed_digits)
    both = nachash(
        "search", "query.jpg", "--max-distance", radius, "-k", 2, "--json", cwd=indexed_digits
    )

    assert len(within.out.splitlines()) == sum(distance <= radius for distance in distances)
    assert both.out.splitlines() == within.out.splitlines()[:2]


def test_stdin_gives_paths_or_one_picture(nachash, nachash_process, indexed_digits):
    by_path = nachash_process("search", "-", "-k", 2, cwd=indexed_digits, stdin="query.jpg\n")
    direct = nachash("search", "query.jpg", "-k", 2, cwd=indexed_digits)

    assert by_path.out == direct.out != ""


def test_eval_map_prints_the_protocol_and_json_agrees(nachash, indexed_digits, tmp_path):
    plot = tmp_path / "curve.png"
    table = nachash("eval-map", "--plot", plot, cwd=indexed_digits)
    scores = json.loads(nachash("eval-map", "--json", cwd=indexed_digits).out)

    assert "leave-one-out over 200 images" in table.out
    assert f"{100 * scores['map']:.2f} %" in table.out
    assert scores["map_pessimistic"] <= scores["map"] <= scores["map_optimistic"]
    assert 0.05 < scores["chance"] < 0.15 < scores["map"]
    assert (scores["queries"], scores["gallery"], scores["bits"]) == (200, 199, 64)
    assert plot.stat().st_size > 10_000


def test_eval_map_on_two_indexes_and_with_the_reference_scoring(nachash, indexed_digits, tmp_path):
    queries = tmp_path / "q.h5"
    nachash(
        "encode",
        "images/3",
        queries,
        "--labels",
        "none",
        "--model",
        "runs/model",
        cwd=indexed_digits,
    )
    no_labels = nachash("eval-map", "--queries", queries, "--index", "out.h5", cwd=indexed_digits)

    two = nachash(
        "eval-map", "--queries", "out.h5", "--index", "out.h5", "--score", "dot01",
        "--empty-queries", "skip", "--at", 50, "--json", cwd=indexed_digits,
    )  # fmt: skip

    assert no_labels.code == 2
    assert "has no labels" in no_labels.err
    scores = json.loads(two.out)
    assert (scores["score"], scores["at"], scores["gallery"]) == ("dot01", 50, 200)


def test_eval_map_of_a_data_set_by_name(nachash, indexed_digits):
    finished = nachash(
        "eval-map", "--dataset", "digits", "--model", "runs/model", "--json", cwd=indexed_digits
    )

    scores = json.loads(finished.out)
    assert (scores["queries"], scores["gallery"]) == (500, 1297)
    assert scores["protocol"].startswith("digits ")
