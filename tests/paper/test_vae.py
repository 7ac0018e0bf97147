"""`vae` as a task, on real digits: equal starts, what is written, what stops it and is kept."""

import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nachash.datasets import digits
from nachash.errors import (
    DamagedError,
    ExistsError,
    InterruptedRunError,
    MissingError,
    NachashError,
    TrainingError,
    UsageError,
)
from nachash.paper.vae import start_run
from nachash.paper.vae import starts as vae_starts
from nachash.paper.vae.autoencoder import Autoencoder
from nachash.paper.vae.vae import VaeSettings, vae
from nachash.tasks.train.train import TrainSettings, train
from nachash.training.plan import Plan

Settings = Callable[..., VaeSettings]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`images`, 30 digits; `nac`, a model of them; copies that tell of a method, of a size."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "images").mkdir()
    for number, pixels in enumerate(digits.load().pixels[:30]):
        Image.fromarray(pixels).save(folder / "images" / f"{number:02d}.png")
    model = TrainSettings(
        images=str(folder / "images"),
        out=folder / "nac",
        epochs=1,
        bits=8,
        batch_size=10,
        device="cpu",
        workers=0,
        latest=False,
    )
    train(model)
    copied(folder, "simclr", '"method": "nac"', '"method": "simclr"')
    copied(folder, "large", '"size": 32', '"size": 48')
    return folder


def copied(folder: Path, name: str, old: str, new: str) -> None:
    """A copy of the model whose configuration says something else."""
    shutil.copytree(folder / "nac", folder / name)
    config = folder / name / "config.json"
    assert old in config.read_text()
    config.write_text(config.read_text().replace(old, new))


@pytest.fixture
def settings(models: Path, tmp_path: Path) -> Settings:
    """Settings for 24 of the digits, in four steps an epoch, measured on the other six."""

    def made(**changes: Any) -> VaeSettings:
        usual: dict[str, Any] = {"images": str(models / "images"), "epochs": 1, "latent": 6}
        usual |= {"batch_size": 6, "iw_samples": 3, "device": "cpu", "workers": 0}
        return VaeSettings(**{**usual, "out": tmp_path / "run", **changes})

    return made


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few images are given a posterior of their own, in a few steps."""
    monkeypatch.setattr(start_run, "OPTIMISED_STEPS", 5)
    monkeypatch.setattr(start_run, "OPTIMISED_IMAGES", 2)


def test_two_random_starts_are_one(tmp_path: Path, settings: Settings) -> None:
    result = vae(settings(init=("random", "random"), epochs=2))

    one, other = result.starts
    curves = [
        [(p.epoch, p.steps, p.log_likelihood, p.kl, p.elbo, p.train_elbo) for p in start.epochs]
        for start in (one, other)
    ]
    assert curves[0] == curves[1]
    assert len(curves[0]) == 2
    assert (one.elbo, one.iw_log_likelihood) == (other.elbo, other.iw_log_likelihood)
    assert one.inference_gap == other.inference_gap
    assert result.pictures is not None
    np.testing.assert_array_equal(*result.pictures.reconstructions)
    np.testing.assert_array_equal(*result.pictures.samples)


def test_starts_differ_in_the_backbone_alone(models: Path) -> None:
    starts = vae_starts.loaded(("random", str(models / "nac")), None, seed=0)

    networks = [
        start_run.autoencoder(start.encoder, _gaussian(), latent=6, size=32, seed=0).state_dict()
        for start in starts.each
    ]

    different = {name for name in networks[0] if not torch.equal(*(n[name] for n in networks))}
    assert networks[0].keys() == networks[1].keys()
    assert different
    assert all(name.startswith("posterior.backbone.") for name in different)


def test_a_trained_start_has_the_weights_of_its_model(models: Path) -> None:
    from nachash.encoders import model_directory

    encoder, config = model_directory.load(models / "nac")
    start = vae_starts.loaded((str(models / "nac"),), None, seed=0).each[0]

    network = start_run.autoencoder(start.encoder, _gaussian(), latent=6, size=32, seed=0).eval()
    images = torch.rand(2, 3, 32, 32)

    with torch.no_grad():
        expected = network.posterior.means(encoder.backbone_features(images))
        torch.testing.assert_close(network.posterior(images).mean, expected)
    assert (start.method, start.model) == ("nac", config.encoder_sha256)


def test_order_and_noise_follow_from_the_seed_and_images_are_seen_once_an_epoch() -> None:
    plan = Plan(images=10, batch=3, epochs=2, learning_rate=1.0, seed=4)
    one, other = (start_run.course(plan, torch.device("cpu")) for _ in range(2))

    epoch = torch.cat([one.positions(step) for step in range(3)])

    assert len(set(epoch.tolist())) == 9
    assert one.positions(3).tolist() == other.positions(3).tolist()
    assert not torch.equal(one.positions(3), one.positions(0))
    draws = [
        torch.rand(4, generator=each.generator(step)) for each in (one, other) for step in (0, 5)
    ]
    assert torch.equal(draws[0], draws[2])
    assert not torch.equal(draws[0], draws[1])
    assert one.share(3.0, 0.0) == 0.5


def test_the_record_names_what_it_is_of(models: Path, tmp_path: Path, settings: Settings) -> None:
    result = vae(
        settings(
            init=("random", str(models / "simclr")),
            images=None,
            dataset="digits",
            test_images=20,
            batch_size=650,
        )
    )

    random, simclr = result.starts
    assert random.poster is not None
    assert simclr.poster is not None
    assert (random.poster.log_likelihood, simclr.poster.kl) == (-3202, 38.9)
    assert (random.model, simclr.method) == (None, "simclr")
    assert result.data["images"] == 1297
    assert result.data["test_images"] == 20
    assert result.backbone == "small"
    assert result.versions["nachash"]
    for start in result.starts:
        assert start.elbo == pytest.approx(start.log_likelihood - start.kl)
        assert start.elbo <= start.iw_log_likelihood
        gap = start.inference_gap
        assert gap.importance_weighted == pytest.approx(start.iw_log_likelihood - start.elbo)
        bits = start.bits_per_dim
        assert bits["elbo"] == pytest.approx(-start.elbo / 3072 / math.log(2))
        assert bits["log_likelihood"] + bits["kl"] == pytest.approx(bits["elbo"])
        assert 0 <= start.active_units <= 6


def test_the_folder_holds_figures_and_weights_that_load_again(
    tmp_path: Path, settings: Settings
) -> None:
    result = vae(settings(init=("random", "random"), epochs=2))

    folder = tmp_path / "run"
    lines = [json.loads(line) for line in (folder / "starts.jsonl").read_text().splitlines()]
    epochs = [json.loads(line) for line in (folder / "epochs.jsonl").read_text().splitlines()]
    assert [line["elbo"] for line in lines] == [start.elbo for start in result.starts]
    assert [line["epochs"][-1]["steps"] for line in lines] == [8, 8]
    assert [(line["start"], line["epoch"]) for line in epochs] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    state = torch.load(result.starts[0].state, weights_only=True)
    assert state["epoch"] == 2
    encoder = vae_starts.loaded(("random",), None, 0).each[0].encoder
    start_run.autoencoder(encoder, _gaussian(), latent=6, size=32, seed=0).load_state_dict(
        state["autoencoder"]
    )


def test_a_budget_is_shared_out_equally(tmp_path: Path, settings: Settings) -> None:
    changes: dict[str, Any] = {"init": ("random", "random"), "epochs": None, "budget": 1.0}

    result = vae(settings(**changes))

    for start in result.starts:
        step = start.seconds / start.steps
        assert 0.5 <= start.seconds < 0.5 + 5 * step


def test_a_folder_of_pictures_holds_some_of_them_out(
    tmp_path: Path, noise_images: Any, settings: Settings
) -> None:
    noise_images(tmp_path / "images", 11)

    result = vae(settings(images=str(tmp_path / "images")))

    assert (result.data["images"], result.data["test_images"]) == (9, 2)
    assert "held out" in result.data["rule"]


def test_a_bound_that_is_not_finite_names_step_and_state_and_keeps_what_was_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """The second start's network breaks in its sixth step, the second of its second epoch."""
    whole, calls = Autoencoder.forward, [0]

    def breaking(self: Autoencoder, images: torch.Tensor, noise: torch.Tensor) -> Any:
        calls[0] += self.training
        terms = whole(self, images, noise)
        return terms._replace(divergence=terms.divergence * math.nan) if calls[0] == 14 else terms

    monkeypatch.setattr(Autoencoder, "forward", breaking)

    with pytest.raises(TrainingError) as caught:
        vae(settings(init=("random", "random"), epochs=2))

    state = tmp_path / "run" / "2-random.pt"
    assert "step 6 is nan" in caught.value.sentence
    assert f"after epoch 1, is {state}" in caught.value.sentence
    assert "--learning-rate" in caught.value.hint
    assert caught.value.exit_code == 1
    kept = torch.load(state, weights_only=True)
    assert kept["epoch"] == 1
    assert all(weight.isfinite().all() for weight in kept["autoencoder"].values())
    assert len((tmp_path / "run" / "starts.jsonl").read_text().splitlines()) == 1
    assert len((tmp_path / "run" / "epochs.jsonl").read_text().splitlines()) == 3


def test_an_interruption_says_what_stays(tmp_path: Path, settings: Settings) -> None:
    def interrupting(stage: str, done: int, total: int | None, **numbers: float) -> None:
        if stage.startswith("2 "):
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError, match=re.escape("starts.jsonl")) as caught:
        vae(settings(init=("random", "random")), progress=interrupting)

    assert caught.value.exit_code == 130
    assert len((tmp_path / "run" / "starts.jsonl").read_text().splitlines()) == 1
    assert (tmp_path / "run" / "2-random.pt").is_file()


def test_a_run_replaces_an_earlier_one_only_when_told(tmp_path: Path, settings: Settings) -> None:
    vae(settings(init=("random", "random")))

    with pytest.raises(ExistsError, match="exists already"):
        vae(settings())
    vae(settings(overwrite=True))

    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "1-random.pt", "epochs.jsonl", "starts.jsonl",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"iw_samples": 0}, UsageError, "--iw-samples 0"),
        ({"latent": 0}, UsageError, "--latent 0"),
        ({"test_images": 0}, UsageError, "0 test images"),
        ({"learning_rate": math.inf}, UsageError, "rate of inf"),
        ({"epochs": 1, "budget": 5.0}, UsageError, "--budget"),
        ({"init": ()}, UsageError, "no start"),
        ({"init": ("nowhere",)}, MissingError, "nowhere"),
        ({"size": 33}, UsageError, "33 pixels"),
        ({"images": "missing"}, NachashError, "missing"),
        ({"backbone": "medium"}, UsageError, "medium"),
        ({"device": "tpu"}, UsageError, "tpu"),
    ],
)
def test_settings_that_make_no_sense_are_refused_and_nothing_is_written(
    tmp_path: Path,
    changes: dict[str, Any],
    error: type[NachashError],
    words: str,
    settings: Settings,
) -> None:
    with pytest.raises(error, match=words):
        vae(settings(**changes))

    assert not (tmp_path / "run").exists()


def test_models_that_do_not_fit_are_refused(
    models: Path, tmp_path: Path, settings: Settings
) -> None:
    with pytest.raises(UsageError, match="48 pixels, and these have 32") as caught:
        vae(settings(init=("random", str(models / "large"))))
    with pytest.raises(UsageError, match="one backbone only"):
        vae(settings(init=(str(models / "nac"),), backbone="resnet18"))

    assert "--size 48" in caught.value.hint


def test_a_damaged_model_and_one_of_another_network_are_refused(
    models: Path, tmp_path: Path, settings: Settings
) -> None:
    for name in ("cut", "other"):
        shutil.copytree(models / "nac", tmp_path / name)
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    config = tmp_path / "other" / "config.json"
    config.write_text(config.read_text().replace('"backbone": "small"', '"backbone": "vgg16"'))

    for name in ("cut", "other"):
        with pytest.raises(DamagedError, match=f"{name}/model.safetensors"):
            vae(settings(init=(str(tmp_path / name),)))


def test_a_folder_that_holds_something_else_is_never_emptied(
    tmp_path: Path, settings: Settings
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "weights.pt").write_bytes(b"of somebody else")

    for overwrite in (False, True):
        with pytest.raises(ExistsError):
            vae(settings(overwrite=overwrite))

    assert (out / "weights.pt").read_bytes() == b"of somebody else"


def _gaussian() -> Any:
    from nachash.paper.vae.likelihoods import likelihood

    return likelihood("gaussian")
