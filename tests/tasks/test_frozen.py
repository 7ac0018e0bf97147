"""A head trained on the cached features of a frozen backbone."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from nachash import plugins
from nachash.encoders import model_directory
from nachash.encoders.encoder import initial
from nachash.errors import NoImagesError, UsageError
from nachash.images.sources import location
from nachash.images.sources.sample import sample
from nachash.records import silent
from nachash.tasks.train.frozen_features import frozen_features, views_of
from nachash.tasks.train.train import TrainSettings, train


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Twelve pictures of 80 x 70 pixels, and a small network whose weights stand for pretrained."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NACHASH_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(1)
    (tmp_path / "images").mkdir()
    for number in range(12):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8))
        coarse.resize((80, 70), Image.Resampling.BICUBIC).save(f"images/{number:02d}.png")
    torch.manual_seed(5)
    encoder = initial("small", weights="random", bits=8, head="batch-norm")
    torch.save(encoder.backbone.state_dict(), "small.pt")
    return tmp_path


def settings(**changes):
    usual = {
        "images": "images", "backbone": "small", "weights": "small.pt", "freeze": True, "size": 32,
        "bits": 16, "epochs": 6, "batch_size": 6, "device": "cpu", "workers": 0,
    }  # fmt: skip
    return TrainSettings(**{**usual, **changes})


def computed(encoder, **changes):
    source = location.source("images", [])
    usual = {"size": 32, "augment": "photo", "seed": 0, "device": None, "workers": 0}
    return frozen_features(encoder, source, **{**usual, "progress": silent, **changes})


def small():
    return initial("small", weights="small.pt", bits=8, head="batch-norm")


def test_the_backbone_stays_and_the_head_learns(folder):
    result = train(settings(out=Path("model")))

    assert result.frozen
    assert result.steps == 12
    weights, before = load_file("model/model.safetensors"), torch.load("small.pt")
    assert all(torch.equal(weights[f"backbone.{name}"], before[name]) for name in before)
    encoder, config = model_directory.load(Path("model"))
    assert config.training["frozen"] is True
    assert (config.backbone, config.weights, config.preprocessing.size) == ("small", "small.pt", 32)
    torch.manual_seed(0)
    untrained = initial("small", weights="small.pt", bits=16, head="batch-norms")
    assert config.head == "batch-norms"
    assert not torch.equal(untrained.head[1].weight, encoder.head[1].weight)


def test_features_are_those_of_the_network_and_views_differ(folder):
    encoder = small()

    found = computed(encoder)

    assert found.features.shape == (1 + views_of(12), 12, 128)
    pixels = np.stack(
        [np.asarray(Image.open(path).convert("RGB")) for path in sorted(Path("images").iterdir())]
    )
    assert pixels.shape == (12, 70, 80, 3)
    from nachash.tasks.train.images import some_pixels

    small_pixels = torch.from_numpy(some_pixels(location.source("images", []), 32, 12).copy())
    expected = encoder.encoded(small_pixels, 5).features.numpy()
    np.testing.assert_allclose(found.features[0].astype(np.float32), expected, atol=2e-3)
    assert all(
        np.abs(found.features[first] - found.features[second]).max() > 0.01
        for first in range(7)
        for second in range(first)
    )


def test_features_are_computed_once_for_the_same_images_and_settings(folder):
    encoder, told = small(), []

    def progress(stage, done, total, **numbers):
        told.append(stage)

    first = computed(encoder, progress=progress)
    count = len(told)
    again = computed(encoder, progress=progress)

    assert count > 0
    assert len(told) == count
    assert np.array_equal(first.features, again.features)
    assert first.fingerprint == again.fingerprint
    for changes in ({"seed": 1}, {"augment": "cifar"}, {"size": 48}):
        computed(encoder, progress=progress, **changes)
        assert len(told) > count
        count = len(told)
    Image.new("RGB", (80, 70), "red").save("images/00.png")
    changed = computed(encoder, progress=progress)
    assert len(told) > count
    assert not np.array_equal(first.features[0, 0], changed.features[0, 0])


def test_a_damaged_cache_is_computed_again_and_a_missing_one_is_no_error(folder, monkeypatch):
    encoder = small()
    expected = computed(encoder)
    (cached,) = (folder / "cache" / "features").iterdir()
    cached.write_bytes(cached.read_bytes()[:-300])

    assert np.array_equal(computed(encoder).features, expected.features)

    (folder / "file").write_text("")
    monkeypatch.setenv("NACHASH_CACHE", str(folder / "file"))
    assert np.array_equal(computed(encoder).features, expected.features)


def test_skipped_images_are_told_also_from_the_cache(folder):
    (folder / "images" / "bad.png").write_bytes(b"no image at all")
    encoder = small()

    for _ in range(2):
        found = computed(encoder)
        assert [image.path for image in found.skipped] == ["bad.png"]
        assert found.features.shape[1] == 12


def test_only_bad_images_are_an_error(folder):
    for path in Path("images").iterdir():
        path.write_bytes(b"x")

    with pytest.raises(NoImagesError, match="none of the 12 images"):
        computed(small())


def test_many_images_get_fewer_views_and_then_a_sample(folder):
    assert [views_of(n) for n in (1, 5_000, 7_000, 11_000, 10**6)] == [6, 6, 4, 2, 2]
    source = location.source("images", [])

    part = sample(source, 5, seed=3)

    assert len(part.references) == 5
    assert list(part.references) == [r for r in source.references if r in part.references]
    assert part.open(part.references[0]).size == (80, 70)
    assert sample(source, 12, seed=3) is source
    assert sample(source, 5, seed=4).references != part.references


def test_large_pictures_get_the_pretrained_network_by_default(folder):
    result = train(TrainSettings(images="images", epochs=2, device="cpu", workers=0, size=64))

    assert (result.backbone, result.frozen, result.bits) == ("efficientnet-lite0", True, 64)
    config = json.loads(Path(result.directory, "config.json").read_text())
    assert config["weights"] == "pretrained"
    assert config["training"]["augment"] == "photo"
    assert result.onnx_flip_rate <= 1e-3


def test_a_frozen_network_without_knowledge_is_refused(folder):
    with pytest.raises(UsageError, match="nothing to teach"):
        train(settings(weights="random"))


@pytest.mark.parametrize("strength", [0.0, -1.0, 1.5, float("nan")])
def test_views_of_no_or_too_much_strength_are_refused(folder, strength):
    with pytest.raises(UsageError, match="are no views"):
        train(settings(view_strength=strength))


def test_drawn_views_of_a_whole_network_have_no_strength(folder):
    with pytest.raises(UsageError, match="only features of a frozen backbone"):
        train(settings(freeze=False, view_strength=0.5))


def test_view_strength_changes_what_is_learned_and_is_recorded(folder):
    def trained(out, **changes):
        train(settings(out=Path(out), noise=0.2, **changes))
        encoder, config = model_directory.load(Path(out))
        return encoder.head[1].weight, config.training["view_strength"]

    usual, recorded = trained("usual")
    same, _ = trained("same", view_strength=0.7)
    drawn, as_drawn = trained("drawn", view_strength=1.0)

    assert (recorded, as_drawn) == (0.7, 1.0)
    assert torch.equal(usual, same)
    assert not torch.equal(usual, drawn)


def test_the_noise_of_a_head_on_frozen_features_rises_by_default(folder):
    def noise(out, **changes):
        train(settings(out=Path(out), epochs=1, **changes))
        found = json.loads(Path(out, "config.json").read_text())["method_settings"]
        return found.get("first_noise"), found.get("noise")

    assert noise("a", bits=64) == (0.354, 0.448)
    assert noise("d", bits=32) == (0.295, 0.427)
    assert noise("b", noise=0.2) == (0.2, 0.2)
    assert noise("c", method="simclr") == (None, None)


def test_every_method_learns_on_features_as_on_images(folder):
    for name in plugins.names("methods"):
        result = train(settings(method=name, out=Path(name), bits=8))
        assert np.isfinite(result.loss)
