"""`train`: unlabelled images -> views -> encoder, method and channel -> a model directory."""

import inspect
import itertools
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nachash import codes, plugins
from nachash.errors import UsageError
from nachash.model_config import ModelConfig
from nachash.records import Preprocessing, Progress, Training, silent
from nachash.shapes import UInt8
from nachash.tasks import training_images
from nachash.tasks.device import torch_device
from nachash.tasks.model import LATEST
from nachash.tasks.training_images import Chosen, Decoded
from nachash.tasks.versions import versions
from nachash.tasks.workers import decoding_threads

if TYPE_CHECKING:
    from nachash.encoders.encoder import Encoder
    from nachash.training.loop import Trained
    from nachash.training.plan import Plan

DEFAULT_BACKBONE: Final = "small"
_COMPARED_IMAGES: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """What `train` needs to know; the words are those of the command line.

    None leaves a choice to us: images of `digits`, a free name below `runs`, the length that the
    number of images asks for, the small backbone, the recipe and size that suit the images.
    `method_settings` are handed to the method's constructor by name.
    """

    images: str | None = None
    dataset: str | None = None
    data_root: Path | None = None
    out: Path | None = None
    method: str = "nac"
    epochs: int | None = None
    bits: int = 64
    noise: float | str = "auto"
    batch_size: int = 128
    learning_rate: float | None = None
    backbone: str | None = None
    weights: str = "random"
    head: str = "batch-norm"
    size: int | None = None
    augment: str | None = None
    seed: int = 0
    device: str = "auto"
    workers: int | None = None
    overwrite: bool = False
    latest: bool = True  # let runs/latest name the model
    method_settings: Mapping[str, Any] = field(default_factory=dict)


def train(settings: TrainSettings, *, progress: Progress = silent) -> Training:
    """Learn an encoder from unlabelled images and write a model directory.

    Information and loss in the result are means over the last steps of training.

    Raises:
        UsageError: a setting that makes no sense.
        MissingError, NoImagesError: there is nothing to train on.
        ExistsError: the output exists and is not to be overwritten, or is no model.
        TrainingError: too few images, or a loss that is not finite.
        StorageError: the model cannot be written.
    """
    from nachash.encoders import model_directory

    started = time.perf_counter()
    codes.checked_bits(settings.bits)
    plugin = plugins.load("methods", settings.method)
    method_settings = _method_settings(plugin, settings)
    data = training_images.chosen(
        settings.images, settings.dataset, settings.data_root, settings.seed
    )
    settings = _settled(settings, data)
    out = settings.out or _free_name(data.name, settings)
    with model_directory.created(out, overwrite=settings.overwrite) as directory:
        images = training_images.decoded(
            data.source,
            settings.size or training_images.SMALL,
            workers=decoding_threads(settings.workers),
            progress=progress,
        )
        result = _trained_model(settings, data, images, directory, method_settings, progress)
    if settings.latest:
        _point_latest_to(out)
    return replace(result, directory=str(out), seconds=time.perf_counter() - started)


def _trained_model(
    settings: TrainSettings,
    data: Chosen,
    images: Decoded,
    directory: Path,
    method_settings: Mapping[str, Any],
    progress: Progress,
) -> Training:
    """Train, and write the model's files into a directory; seconds are those of training."""
    from nachash.encoders import model_directory, onnx_export
    from nachash.training import plan as plans

    began = time.perf_counter()
    plan = plans.fitted(
        images=len(images.pixels),
        batch=settings.batch_size,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        seed=settings.seed,
    )
    encoder, method = _encoder_and_method(settings, plan, method_settings)
    trained = _trained(method, images, settings, plan, directory, progress)
    seconds = time.perf_counter() - began
    config = _config(settings, data, images, plan, method.settings, seconds)
    encoder.cpu()
    graph = onnx_export.onnx_graph(encoder, config.preprocessing.size)
    model_directory.save(directory, encoder, config, graph, trained.checkpoint)
    return Training(
        directory=str(directory),
        method=settings.method,
        backbone=config.backbone,
        bits=settings.bits,
        size=config.preprocessing.size,
        flip_probability=method.settings.get("noise"),
        images=len(images.pixels),
        skipped=images.skipped,
        steps=trained.steps,
        epochs=plan.epochs,
        loss=trained.figures["loss"],
        mutual_information=trained.figures.get("mutual_information_bits"),
        capacity=trained.figures.get("capacity_bits"),
        onnx_flip_rate=_flip_rate(encoder, graph, images.pixels[:_COMPARED_IMAGES]),
        seconds=seconds,
    )


def _encoder_and_method(
    settings: TrainSettings, plan: "Plan", method_settings: Mapping[str, Any]
) -> "tuple[Encoder, Any]":
    """Networks with weights of the seed or of a file, on the training device."""
    import torch

    from nachash.encoders.encoder import initial
    from nachash.methods import Scale

    device = torch_device(settings.device)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        encoder = initial(
            _backbone(settings), weights=settings.weights, bits=settings.bits, head=settings.head
        )
        scale = Scale(plan.images, plan.batch)
        method = plugins.load("methods", settings.method).method(encoder, scale, **method_settings)
    method.to(device).to(memory_format=torch.channels_last)
    return encoder, method


def _trained(
    method: Any,
    images: Decoded,
    settings: TrainSettings,
    plan: "Plan",
    directory: Path,
    progress: Progress,
) -> "Trained":
    """Train a method, its figures going to `metrics.jsonl` and to the progress."""
    import torch

    from nachash.methods import Batch
    from nachash.training import loop
    from nachash.training.metrics_log import MetricsLog

    recipe = plugins.load("augment", settings.augment or "").recipe(images.pixels.shape[-1])
    device = torch_device(settings.device)
    stage = loop.Stage(torch.from_numpy(images.pixels), recipe, Batch, device)
    with MetricsLog(directory) as log:

        def report(step: loop.Step) -> None:
            log.note(step.number, step.steps, step.figures)
            progress("train", step.number, step.steps, **step.figures)

        return loop.train(method, stage, plan, report)


def _config(
    settings: TrainSettings,
    data: Chosen,
    images: Decoded,
    plan: "Plan",
    method_settings: Mapping[str, Any],
    seconds: float,
) -> ModelConfig:
    """What is recorded of a training run."""
    return ModelConfig(
        bits=settings.bits,
        backbone=_backbone(settings),
        weights=settings.weights,
        head=settings.head,
        preprocessing=Preprocessing(images.pixels.shape[-1]),
        method=settings.method,
        method_settings=dict(method_settings),
        training={**asdict(plan), "augment": settings.augment, "seconds": round(seconds, 1)},
        data={
            "name": data.name,
            "rule": data.rule,
            "images": len(images.pixels),
            "skipped": len(images.skipped),
            "sha256": images.fingerprint,
        },
        seed=settings.seed,
        versions=versions(),
    )


def _method_settings(plugin: ModuleType, settings: TrainSettings) -> dict[str, Any]:
    """Settings of the method, each of which its constructor has.

    Raises:
        UsageError: for one that it has not, `noise` included.
    """
    parameters = inspect.signature(plugin.method).parameters.values()
    known = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    given = dict(settings.method_settings)
    if isinstance(settings.noise, str) and settings.noise != "auto":
        raise UsageError(f"'{settings.noise}' is neither a number nor 'auto'", "--noise auto")
    if settings.noise != "auto":
        given["noise"] = settings.noise
    for name in given:
        if name not in known:
            raise UsageError(
                f"the method {settings.method} has no setting '{name}'",
                f"it has: {', '.join(known)}" if known else "it has none",
            )
    return given


def _settled(settings: TrainSettings, data: Chosen) -> TrainSettings:
    """Settings with size and recipe chosen by the pictures, where they were left open."""
    size = settings.size or training_images.usual_size(data.source)
    by_size = "cifar" if size < training_images.LARGE else "photo"
    augment = settings.augment or data.augment or by_size
    plugins.load("augment", augment)
    return replace(settings, size=size, augment=augment)


def _backbone(settings: TrainSettings) -> str:
    return settings.backbone or DEFAULT_BACKBONE


def _flip_rate(
    encoder: "Encoder", graph: bytes, pixels: UInt8[np.ndarray, "n 3 size size"]
) -> float:
    """Share of bits that ONNX Runtime and torch give differently on the same images."""
    import torch

    from nachash.inference.onnx_encoder import OnnxEncoder

    onnx = OnnxEncoder(graph, threads=None)
    different = 0
    for start in range(0, len(pixels), 256):
        part = pixels[start : start + 256]
        with torch.inference_mode():
            expected = encoder.eval()(torch.from_numpy(part).float() / 255).activations.numpy()
        found = onnx.activations(np.ascontiguousarray(part.transpose(0, 2, 3, 1)))
        different += int((codes.binarise(found) != codes.binarise(expected)).sum())
    return different / (len(pixels) * encoder.bits)


def _free_name(data: str, settings: TrainSettings) -> Path:
    """`runs/<data>-<method>-<bits>`, with -2, -3 ... when that exists."""
    name = f"{data}-{settings.method}-{settings.bits}"
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    paths = (LATEST.with_name(candidate) for candidate in itertools.chain([name], numbered))
    return next(path for path in paths if not path.exists())


def _point_latest_to(directory: Path) -> None:
    """Make `runs/latest` name a model: a link, or a text file where links are not possible."""
    LATEST.parent.mkdir(parents=True, exist_ok=True)
    if LATEST.is_dir() and not LATEST.is_symlink():
        return
    target = os.path.relpath(directory, LATEST.parent)
    LATEST.unlink(missing_ok=True)
    try:
        LATEST.symlink_to(target, target_is_directory=True)
    except OSError:
        LATEST.write_text(target, encoding="utf-8")
