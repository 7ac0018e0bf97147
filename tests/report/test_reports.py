"""Records become text, pictures and pages; nothing in a record can break out of a page."""

import re
from dataclasses import replace

import pytest

from nachash.errors import ExistsError, MissingError, UsageError
from nachash.records import Skipped
from nachash.report import html, json_lines, plot, table
from nachash.results.encode import Encoding
from nachash.results.evaluate import Scores
from nachash.results.page import DemoPage, Gallery, Neighbour, Picture
from nachash.results.search import Answer, Hit
from nachash.results.train import Training

SCORES = Scores(
    map=0.5,
    map_optimistic=0.6,
    map_pessimistic=0.4,
    at=None,
    precision_at={"10": 0.7},
    precision_radius2=0.3,
    queries=1200,
    gallery=1199,
    bits=64,
    protocol="leave-one-out",
    score="hamming",
    empty_queries="zero",
    queries_without_relevant=0,
    over="found",
    distinct=4,
    chance=0.1,
    curve={"radius": [0.0, 64.0], "precision": [1.0, 0.1], "recall": [0.1, 1.0]},
    index="out.h5",
)
TRAINING = Training(
    directory="runs/a",
    method="nac",
    backbone="small",
    frozen=False,
    bits=64,
    size=32,
    flip_probability=0.34,
    images=1297,
    skipped=(),
    steps=310,
    epochs=31.0,
    loss=-3.0,
    mutual_information=-0.5,
    capacity=4.5,
    onnx_flip_rate=0.0,
    seconds=60.0,
)


def test_scores_are_percentages_with_protocol_bounds_and_chance():
    text = table.scores(SCORES)

    assert "mAP@all" in text
    assert "50.00 %" in text
    assert "40.00 % to 60.00 %" in text
    assert "leave-one-out; ranked by hamming" in text
    assert "without a relevant image" not in text
    assert "bits, 4 different" in text


@pytest.mark.parametrize(("rule", "words"), [("zero", "counted as zero"), ("skip", "left out")])
def test_queries_without_anything_relevant_are_told(rule, words):
    text = table.scores(replace(SCORES, queries_without_relevant=7, empty_queries=rule))

    assert f"7 of them without a relevant image: {words}" in text


def test_a_bound_below_zero_is_shown_as_the_zero_that_is_known_anyway():
    text = table.training(TRAINING)

    assert "estimated at 0.00 bits" in text
    assert "capacity 4.50" in text


def test_training_without_a_channel_has_no_line_of_information():
    text = table.training(replace(TRAINING, mutual_information=None, capacity=None))

    assert "information" not in text


def test_skipped_images_are_counted_in_the_summary():
    skipped = (Skipped("a", "b"),) * 2
    result = Encoding("o.h5", "runs/a", 3, skipped, 64, 0, "ONNX Runtime", 1.0)

    text = table.encoding(result)

    assert "3, 2 skipped" in text
    assert "no labels" in text


def test_hits_as_table_lines_and_json():
    hits = ((Hit("q", 1, 4, "a [bold]/x.png", 2), Hit("q", 2, 5, "b.png", 3)),)
    answer = Answer("o.h5", ("q",), hits, 64)

    drawn = "\n".join(table.hits(answer))

    assert "a [bold]/x.png" in drawn
    assert "label" not in drawn
    assert list(table.hit_paths(answer)) == ["a [bold]/x.png", "b.png"]
    assert next(json_lines.hits(answer)) == (
        '{"query": "q", "rank": 1, "id": 4, "path": "a [bold]/x.png", "distance": 2}'
    )


@pytest.mark.parametrize("suffix", plot.FORMATS)
def test_the_curve_is_drawn_in_every_format(tmp_path, suffix):
    path = tmp_path / f"curve{suffix}"

    plot.precision_recall(SCORES, path)

    assert path.stat().st_size > 2000


def test_a_plot_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / "a.png").write_bytes(b"mine")

    with pytest.raises(ExistsError):
        plot.check_writable(tmp_path / "a.png", overwrite=False)
    with pytest.raises(MissingError):
        plot.check_writable(tmp_path / "no" / "a.png", overwrite=False)
    with pytest.raises(UsageError):
        plot.check_writable(tmp_path / "a.txt", overwrite=False)
    plot.check_writable(tmp_path / "a.png", overwrite=True)


def test_the_page_is_one_file_and_escapes_what_it_shows():
    evil = Picture("data:image/png;base64,AAAA", '"><script>x</script>', "<b>3</b>")
    gallery = Gallery(evil, (Neighbour(evil, 3, relevant=False),))
    page = DemoPage(("nachash train <x>",), (gallery,), SCORES, SCORES, TRAINING, "1")

    text = html.demo(page)

    assert "<script" not in text
    assert "<b>3" not in text
    assert "nachash train &lt;x&gt;" in text
    assert not re.search(r"(src|href)=[\"'](?!data:)", text)
    assert "50.0 %" in text
