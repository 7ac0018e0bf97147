"""Training as a task, on real digits: what it writes, what it says, what it refuses."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from nachash import codes
from nachash.errors import ExistsError, NachashError, NoImagesError, TrainingError, UsageError
from nachash.inference.model_directory import open_model
from nachash.inference.onnx_encoder import OnnxEncoder
from nachash.tasks.train.train import TrainSettings, train


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """40 digits as files below `images`, in the current directory."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "images", 40)
    return tmp_path


def written(folder: Path, count: int) -> None:
    folder.mkdir()
    for index, image in enumerate(load_digits().images[:count]):
        picture = Image.fromarray(np.rint(image * (255 / 16)).astype(np.uint8))
        picture.resize((24, 30)).save(folder / f"{index:03d}.png")


def settings(**changes: Any) -> TrainSettings:
    usual = {"images": "images", "epochs": 1, "bits": 12, "batch_size": 16, "device": "cpu"}
    return TrainSettings(**{**usual, "workers": 0, **changes})


def test_a_folder_becomes_a_model_directory(folder: Path) -> None:
    (folder / "images" / "broken.png").write_bytes(b"no image")
    told: list[str] = []

    result = train(settings(), progress=lambda stage, done, total, **numbers: told.append(stage))

    directory = Path("runs/images-nac-12")
    assert result.directory == str(directory)
    written = {path.name for path in directory.iterdir()}
    events = {name for name in written if name.startswith("events.out.tfevents.")}
    assert len(events) == 1
    assert written - events == {
        "model.safetensors", "config.json", "encoder.onnx", "checkpoint.pt", "metrics.jsonl",
    }  # fmt: skip
    assert (result.images, result.steps, result.epochs, result.size) == (40, 2, 1, 32)
    assert [skipped.path for skipped in result.skipped] == ["broken.png"]
    assert result.mutual_information is not None
    assert result.capacity is not None
    assert result.mutual_information <= result.capacity
    assert result.onnx_flip_rate <= 1e-4
    assert {"decode", "train"} <= set(told)


def test_the_model_encodes_without_torch_and_tells_its_history(folder: Path) -> None:
    train(settings(noise=0.2, seed=3))

    onnx, config = open_model(Path("runs/latest"))
    encoder = OnnxEncoder(onnx, threads=1)

    assert (encoder.bits, encoder.size) == (12, 32)
    assert encoder.activations(np.zeros((2, 32, 32, 3), np.uint8)).shape == (2, 12)
    assert config.method_settings["noise"] == 0.2
    assert config.data["images"] == 40
    assert len(config.data["sha256"]) == 64
    assert config.seed == 3
    assert config.training["augment"] == "cifar"
    assert config.versions["nachash"]
    line = json.loads(Path("runs/latest/metrics.jsonl").read_text().splitlines()[-1])
    assert {"step", "loss", "mutual_information_bits", "capacity_bits"} <= line.keys()


def test_the_same_seed_gives_the_same_model(folder: Path) -> None:
    for out in "ab":
        train(settings(out=Path(out), seed=1))

    first, again = (Path(out, "encoder.onnx").read_bytes() for out in "ab")
    assert first == again


def test_the_authors_optimisation_is_three_settings(folder: Path) -> None:
    train(settings(optimiser="nac-lars", precision="fp32", norm_groups=4, head="scaled"))

    recorded = json.loads(Path("runs/images-nac-12/config.json").read_text())["training"]
    assert (recorded["precision"], recorded["norm_groups"]) == ("fp32", 4)
    assert recorded["optimiser"] == "nac-lars"
    assert recorded["learning_rate"] == pytest.approx(3.0 * 16 / 1000)


def test_default_names_count_up_and_latest_points_to_the_newest(folder: Path) -> None:
    train(settings())
    train(settings())

    assert Path("runs/images-nac-12-2/config.json").is_file()
    assert os.readlink("runs/latest") == "images-nac-12-2"  # noqa: PTH115
    assert sorted(path.name for path in Path("runs").iterdir()) == [
        "images-nac-12", "images-nac-12-2", "latest",
    ]  # fmt: skip


def test_a_named_output_is_replaced_only_when_asked(folder: Path) -> None:
    train(settings(out=Path("model")))
    with pytest.raises(ExistsError):
        train(settings(out=Path("model")))

    train(settings(out=Path("model"), bits=20, overwrite=True))

    assert open_model(Path("model"))[1].bits == 20


def test_an_interruption_leaves_nothing_behind(folder: Path) -> None:
    def interrupt(stage: str, done: int, total: int | None, **numbers: float) -> None:
        if stage == "train":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings(), progress=interrupt)

    assert list(Path("runs").iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"noise": 0.5}, UsageError, "between 0 and 0.5"),
        ({"noise": "loud"}, UsageError, "neither a number"),
        ({"bits": 0}, UsageError, "0 bits"),
        ({"method": "nca"}, UsageError, "not one of the methods"),
        ({"backbone": "tiny"}, UsageError, "not one of the backbones"),
        ({"augment": "none"}, UsageError, "not one of the augment"),
        ({"dataset": "digits"}, UsageError, "both"),
        ({"weights": "nowhere.pt"}, NachashError, "no file of weights"),
        ({"method_settings": {"temperature": 1.0}}, UsageError, "no setting 'temperature'"),
        ({"device": "tpu"}, UsageError, "not a device"),
        ({"precision": "fp16"}, UsageError, "not a precision"),
        ({"norm_groups": 3}, UsageError, "cannot be normalised in 3 groups"),
    ],
)
def test_a_setting_that_makes_no_sense_costs_one_sentence_and_leaves_nothing(
    folder: Path, changes: dict[str, Any], error: type[NachashError], told: str
) -> None:
    with pytest.raises(error) as caught:
        train(settings(**changes))

    assert told in caught.value.sentence
    assert not Path("runs").exists() or list(Path("runs").iterdir()) == []


def test_too_few_images_are_told(folder: Path) -> None:
    written(folder / "one", 1)
    written(folder / "bad", 0)
    (folder / "bad" / "a.png").write_bytes(b"")

    with pytest.raises(TrainingError, match="1 image "):
        train(settings(images="one"))
    with pytest.raises(NoImagesError, match="none of the 1 images"):
        train(settings(images="bad"))
    result = train(settings(images="images", batch_size=500, size=24))
    assert (result.steps, result.size) == (1, 24)


@pytest.mark.slow
def test_digits_by_default_beat_random_projections_by_far(folder: Path) -> None:
    """Leave-one-out mAP of all 1,797 digits at 64 bits; random projections reach about 45 %."""
    result = train(TrainSettings(device="cpu"))

    onnx, _ = open_model(Path(result.directory))
    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8).repeat(4, 1).repeat(4, 2)
    learnt = codes.encode(OnnxEncoder(onnx).activations(pixels[..., None].repeat(3, 3)))
    assert leave_one_out(learnt, digits.target) > 0.6


def leave_one_out(learnt: np.ndarray, labels: np.ndarray) -> float:
    """Mean over images of the average precision of all others, ties in random order."""
    tie_breaks = np.random.default_rng(0).random(len(learnt))
    precisions = []
    for index, code in enumerate(learnt):
        order = np.lexsort((tie_breaks, codes.hamming(code[None], learnt)[0]))
        relevant = labels[order[order != index]] == labels[index]
        precision = relevant.cumsum() / np.arange(1, len(relevant) + 1)
        precisions.append(precision[relevant].mean())
    return float(np.mean(precisions))
