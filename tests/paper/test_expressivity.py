"""`expressivity`: the untrained twin of a model, its figures, the toy, and what is refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nachash.encoders import model_directory
from nachash.encoders.encoder import initial
from nachash.errors import NoImagesError, UsageError
from nachash.paper.expressivity import expressivity as task
from nachash.paper.expressivity.expressivity import ExpressivitySettings, expressivity
from nachash.paper.expressivity.toy_expressivity import ToySettings, toy_expressivity
from nachash.report import expressivity as table
from nachash.report.region_colours import colours
from nachash.tasks.train.train import TrainSettings, train

SMALL = {"grid": 12, "sample": 30, "pairs": 2, "workers": 0, "device": "cpu"}


def measured(home, **changes):
    usual = {"models": (home / "runs/model",), "images": str(home / "images"), **SMALL}
    return expressivity(ExpressivitySettings(**{**usual, **changes}))


@pytest.mark.parametrize("head", ["batch-norm", "scaled"])
def test_before_are_the_weights_that_training_began_with(tmp_path, noise_images, head):
    # A rate of nearly nothing leaves every weight where it was.
    settings = TrainSettings(
        images=str(noise_images(tmp_path / "images", 4)), out=tmp_path / "model", epochs=1, bits=8,
        head=head, learning_rate=1e-12, seed=3, workers=0, device="cpu", latest=False,
    )  # fmt: skip
    train(settings)
    after, config = model_directory.load(tmp_path / "model")

    before = task._initial(config)

    for name, weight in before.named_parameters():
        torch.testing.assert_close(after.get_parameter(name), weight, rtol=0, atol=1e-9)
    other = dict(task._initial(replace(config, seed=4)).named_parameters())
    assert not torch.equal(other["head.0.weight"], before.head[0].weight)


def test_figures_are_those_of_the_images(indexed_digits):
    record, pictures = measured(indexed_digits)

    (model,) = record.models
    assert record.images == 30
    assert len({Path(path).parent.name for path in record.plane}) == 3
    assert [picture.fineness for picture in pictures] == [model.before, model.after]
    assert (model.before.stage, model.after.stage) == ("before", "after")
    for picture in pictures:
        found = picture.fineness
        assert found.units == 64
        assert 1 < found.codes <= 30
        assert found.crossings >= found.pair_distance_of_ends > 0
        assert found.crossings_per_length * record.pair_length == pytest.approx(found.crossings)
        assert found.plane_regions == len(set(picture.regions.ravel().tolist()))
        assert picture.regions.shape == (12, 12)
    assert model.before.plane_regions != model.after.plane_regions
    assert record.poster
    assert model.fingerprint
    json.loads(json.dumps(record.versions))


def test_all_layers_have_more_boundaries_than_one(indexed_digits):
    first, _ = measured(indexed_digits, layer="backbone.stem.2")
    every, _ = measured(indexed_digits, layer="all")

    assert every.models[0].after.units > first.models[0].after.units
    assert every.models[0].after.crossings > first.models[0].after.crossings


def test_the_data_set_of_the_model_is_taken_where_none_is_named(indexed_digits):
    record, _ = measured(indexed_digits, images=None)

    assert record.data.startswith("digits")


def test_the_same_seed_gives_the_same_figures(indexed_digits):
    first, second = measured(indexed_digits)[0], measured(indexed_digits)[0]

    assert replace(first, seconds=0.0) == replace(second, seconds=0.0)


def test_an_unknown_layer_is_refused(indexed_digits):
    with pytest.raises(UsageError, match=r"no layer 'relu'; it has code, all, backbone\.stem\.2"):
        measured(indexed_digits, layer="relu")


def test_two_images_span_no_plane(indexed_digits, tmp_path, noise_images):
    with pytest.raises(NoImagesError, match="three images, and 2 can be read"):
        measured(indexed_digits, images=str(noise_images(tmp_path / "two", 2)))


def test_copies_span_no_plane(indexed_digits, tmp_path):
    for number in range(4):
        Image.new("RGB", (20, 20), "red").save(tmp_path / f"{number}.png")

    with pytest.raises(NoImagesError, match="copies"):
        measured(indexed_digits, images=str(tmp_path))


def test_images_of_one_class_are_taken_and_it_is_said(indexed_digits, said):
    settings = ExpressivitySettings(
        models=(indexed_digits / "runs/model",), images=str(indexed_digits / "images"), **SMALL
    )
    one = replace(settings, images=str(indexed_digits / "one"))
    if not (indexed_digits / "one").exists():
        shutil.copytree(indexed_digits / "images" / "3", indexed_digits / "one" / "3")

    expressivity(one)

    assert said == ["all images lie in one folder (3), so the plane is within one class"]


def test_a_model_of_a_folder_needs_images_by_name(indexed_digits, tmp_path, noise_images):
    settings = TrainSettings(
        images=str(noise_images(tmp_path / "images", 4)), out=tmp_path / "model", epochs=1, bits=8,
        workers=0, device="cpu", latest=False,
    )  # fmt: skip
    train(settings)

    with pytest.raises(UsageError, match="images are missing"):
        measured(indexed_digits, models=(tmp_path / "model",), images=None)


def test_a_frozen_backbone_is_the_same_before_and_after(tmp_path, noise_images, monkeypatch):
    monkeypatch.setenv("NACHASH_CACHE", str(tmp_path / "cache"))
    images = str(noise_images(tmp_path / "images", 6))
    weights = tmp_path / "small.pt"
    torch.save(
        initial("small", weights="random", bits=8, head="scaled").backbone.state_dict(), weights
    )
    settings = TrainSettings(
        images=images, out=tmp_path / "model", epochs=3, bits=8, backbone="small",
        weights=str(weights), freeze=True, size=32, workers=0, device="cpu", latest=False,
    )  # fmt: skip
    train(settings)
    (backbone,) = measured(tmp_path, models=(tmp_path / "model",), layer="backbone.stem.2")[
        0
    ].models
    (head,) = measured(tmp_path, models=(tmp_path / "model",), layer="head.3")[0].models

    assert replace(backbone.before, stage="after") == backbone.after
    assert replace(head.before, stage="after") != head.after


def test_the_command_draws_and_prints_json(indexed_digits, nachash, tmp_path):
    small = ("--grid", 12, "--sample", 20, "--pairs", 2, "--device", "cpu")
    arguments = ("expressivity", "runs/model", "--images", "images", *small)
    picture = tmp_path / "plane.png"

    finished = nachash(*arguments, "--json", "--plot", picture, cwd=indexed_digits)

    assert finished.code == 0, finished.err
    assert json.loads(finished.out)["models"][0]["after"]["units"] == 64
    with Image.open(picture) as drawn:
        assert drawn.size[0] > 500
    again = nachash(*arguments, "--plot", picture, cwd=indexed_digits)
    assert again.code == 2
    assert "exists already" in again.err


def test_the_toy_takes_no_model(indexed_digits, nachash):
    finished = nachash("expressivity", "runs/model", "--toy", cwd=indexed_digits)

    assert finished.code == 2
    assert "neither models nor images" in finished.err


@pytest.fixture(scope="module")
def toy():
    return toy_expressivity(ToySettings(steps=4, seeds=2, points=200))


def test_a_toy_is_measured_untrained_and_trained(toy):
    record, pictures = toy

    assert [(run.encoder, run.seed) for run in record.runs] == [
        (encoder, seed) for seed in (0, 1) for encoder in ("untrained", "simclr", "nac")
    ]
    for picture, run in zip(pictures, record.runs, strict=False):
        assert picture.fineness == run
        assert run.regions == len(picture.polygons) >= run.occupied >= run.codes
        assert 0 <= run.error < 0.5
    text = table.toy(record)
    assert "zero training error" in text
    assert "±" in text


def test_toys_of_one_seed_begin_alike():
    brief = toy_expressivity(ToySettings(steps=2, points=200))[0].runs
    other = toy_expressivity(ToySettings(steps=2, points=200, seed=0, seeds=2))[0].runs

    assert brief == other[:3]
    assert brief[0].regions != other[3].regions


def test_a_toy_of_an_unknown_shape_is_refused():
    with pytest.raises(UsageError, match="'star' is no shape of points"):
        toy_expressivity(ToySettings(shape="star"))


def test_neighbours_get_colours_that_differ():
    # A wheel: one region beside all others, each beside the next.
    rim = np.arange(1, 40)
    hub = np.zeros_like(rim)
    pairs = np.concatenate([np.stack([hub, rim], 1), np.stack([rim[:-1], rim[1:]], 1)])

    found = colours(40, pairs)

    assert ((found >= 0) & (found <= 1)).all()
    for one, other in pairs:
        assert np.abs(found[one] - found[other]).sum() > 0.05
