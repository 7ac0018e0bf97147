"""`eval-map` of many images draws queries, and says how far the figure may be off."""

import json

import numpy as np
import pytest

from nachash.records import Reference, to_json
from nachash.report.table import scores as as_text
from nachash.tasks.evaluate import sampling
from nachash.tasks.evaluate.evaluate import EvaluateSettings, evaluate


@pytest.fixture
def labelled(create):
    """An index of 60 images of three labels; every tenth has none."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (60, 2), np.uint8) & np.array([255, 240], np.uint8)
    labels = np.eye(3, dtype=np.uint8)[rng.integers(0, 3, 60)]
    labels[::10] = 0
    with create(label_names=("a", "b", "c")) as writing:
        writing.append(codes, [Reference(f"{row}.jpg", 1, 1) for row in range(60)], labels)
    return writing.path


def measured(path, **more):
    return evaluate(EvaluateSettings(index=path, **more))


def test_all_queries_of_a_small_index_are_measured(labelled, caplog):
    scores = measured(labelled)

    assert (scores.queries, scores.gallery, scores.drawn_from) == (60, 59, None)
    assert scores.standard_error is None
    assert "drawn" not in caplog.text
    assert measured(labelled, sample=60) == scores


def test_of_many_queries_some_are_drawn_and_it_is_told(labelled, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(sampling, "MOST_QUERIES", 59)
    monkeypatch.setattr(sampling, "SAMPLE", 20)
    scores = measured(labelled, seed=3)

    assert (scores.queries, scores.gallery, scores.drawn_from, scores.seed) == (20, 59, 60, 3)
    assert "20 of 60 queries" in caplog.text
    assert "--sample 60" in caplog.text
    assert "20 of 60 queries, drawn at random" in scores.protocol
    assert measured(labelled, sample=20, seed=3) == scores
    assert measured(labelled, sample=20, seed=4).map != scores.map


@pytest.mark.parametrize("empty_queries", ["zero", "skip"])
def test_the_standard_error_is_that_of_means_over_all_draws(labelled, empty_queries):
    """Against the spread of many draws; counted by hand in the formula's own terms elsewhere."""
    whole = measured(labelled, empty_queries=empty_queries)
    draws = [
        measured(labelled, sample=20, seed=seed, empty_queries=empty_queries) for seed in range(80)
    ]
    means = np.array([draw.map for draw in draws])
    errors = np.array([draw.standard_error for draw in draws])

    assert abs(means.mean() - whole.map) < 3 * errors.mean() / np.sqrt(80)
    assert errors.mean() == pytest.approx(means.std(ddof=1), rel=0.25)


def test_text_and_json_name_the_error_and_the_whole(labelled):
    scores = measured(labelled, sample=20)
    text, found = as_text(scores), json.loads(to_json(scores))

    assert f"± {100 * scores.standard_error:.2f} standard error" in text
    assert "20 of 60, drawn at random" in text
    assert (found["drawn_from"], found["queries"]) == (60, 20)
    assert found["standard_error"] == pytest.approx(scores.standard_error)


def test_two_indexes_agree_by_the_names_of_labels(create):
    """The same images under names in another order: each query finds its own first."""
    codes = np.arange(6, dtype=np.uint8).repeat(2).reshape(6, 2) << 4
    references = [Reference(f"{row}.jpg", 1, 1) for row in range(6)]
    labels = np.eye(6, dtype=np.uint8)
    for name, names in (("q.h5", "abcdef"), ("g.h5", "fbdeca")):
        columns = [names.index(each) for each in "abcdef"]
        rearranged = np.zeros((6, 6), np.uint8)
        rearranged[:, columns] = labels
        with create(name=name, label_names=tuple(names)) as writing:
            writing.append(codes, references, rearranged)
    folder = writing.path.parent
    scores = measured(folder / "g.h5", queries=folder / "q.h5")

    assert scores.map == 1
    assert scores.precision_at["1"] == 1
