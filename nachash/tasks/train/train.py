"""`train`: unlabelled images -> views -> encoder, method and channel -> a model directory."""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nachash import codes, plugins
from nachash.errors import UsageError
from nachash.model_config import ModelConfig, unfinished
from nachash.records import Preprocessing, Progress, silent
from nachash.results.train import Training
from nachash.shapes import UInt8
from nachash.tasks.device import torch_device
from nachash.tasks.environment import list_versions
from nachash.tasks.model import LATEST
from nachash.tasks.train import images as training_images
from nachash.tasks.train import material, monitor
from nachash.tasks.train import settings as train_settings
from nachash.tasks.train.checkpoints import Interval, RunKeeper, interruption
from nachash.tasks.train.graph_check import graph_check
from nachash.tasks.train.images import TrainingData
from nachash.tasks.train.material import Material
from nachash.tasks.train.options import TrainSettings
from nachash.tasks.train.run_log import reporting, unheard
from nachash.tasks.train.settings import ResolvedSettings
from nachash.tasks.workers import decoding_threads

if TYPE_CHECKING:
    from nachash.encoders.encoder import Encoder
    from nachash.training.distributed import ProcessGroup
    from nachash.training.loop import Step, Trained
    from nachash.training.plan import Plan

_log = logging.getLogger(__name__)

__all__ = ["TrainSettings", "train"]

_COMPARED_IMAGES = 2000
_COMPARED_IMAGES_FROZEN = 200  # of a network that takes long


def train(
    settings: TrainSettings,
    *,
    progress: Progress = silent,
) -> Training:
    """Learn an encoder from unlabelled images and write a model directory.

    Information and loss in the result are means over the last steps of training.

    Raises:
        UsageError: a setting that makes no sense.
        MissingError, NoImagesError: there is nothing to train on, or no run to resume.
        ExistsError: the output exists and is not to be overwritten, or is no model.
        TrainingError: too few images, a loss that is not finite, a budget without a step.
        InterruptedRunError: SIGINT or SIGTERM; the run can be resumed.
        IncompatibleError, DamagedError: what is to be resumed is of another run, or damaged.
        StorageError: the model cannot be written.
    """
    from nachash.training import distributed
    from nachash.training.arithmetic import check_precision

    started = time.perf_counter()
    if settings.resume:
        settings = train_settings.resumed(settings)
        _log.info("resuming %s", settings.out)
    codes.checked_bits(settings.bits)
    check_precision(settings.precision, torch_device(settings.device))
    plugin = plugins.load("methods", settings.method)
    given = train_settings.method_settings(plugin, settings)
    interval = Interval.of(settings.save_every)
    data = training_images.select_training_data(
        settings.images,
        settings.dataset,
        settings.data_root,
        settings.split_seed,
        protocol=settings.protocol,
        limit=settings.limit,
    )
    decided = train_settings.resolve_settings(settings, data)
    given = train_settings.with_suited_channel(given, plugin, decided, settings.bits)
    if settings.monitor:
        monitor.check(data)
    with distributed.process_group(settings.device) as group:
        out = group.broadcast(settings.out or train_settings.free_name(data.name, settings))
        with _directory(out, settings, group) as directory:
            run = _Run(settings, decided, data, directory, given, interval, group, progress)
            result = run.trained()
    if settings.latest and group.first:
        _point_latest_to(out)
    return replace(result, directory=str(out), seconds=time.perf_counter() - started)


@contextlib.contextmanager
def _directory(out: Path, settings: TrainSettings, group: "ProcessGroup") -> Iterator[Path]:
    """The unfinished model directory, which the first process makes and completes."""
    from nachash.encoders import model_directory

    if not group.first:
        yield unfinished(out)
        return
    with model_directory.created(
        out, overwrite=settings.overwrite, resume=settings.resume
    ) as directory:
        train_settings.remember(settings, directory)
        yield directory
        train_settings.forget(directory)


@dataclass(frozen=True, slots=True)
class _Run:
    """One training run, from images to the files of a model."""

    settings: TrainSettings
    decided: ResolvedSettings
    data: TrainingData
    directory: Path
    given: Mapping[str, Any]
    interval: Interval
    group: "ProcessGroup"
    progress: Progress

    def trained(self) -> Training:
        """Train and write the model's files; seconds are those of training."""
        from nachash.encoders import model_directory, onnx_export
        from nachash.training import checkpoint

        encoder = self._encoder()
        material = self._material(encoder)
        plan = self._plan(material.images)
        if plan.batch < self.decided.batch - self.decided.batch % self.group.count:
            _log.info("%s images are all there are: a batch is as large", f"{plan.batch:,}")
        method = self._method(material, plan)
        trained = self._loop(method, material, plan)
        config = self._config(plan, material, method.settings, trained.checkpoint["seconds"])
        encoder.cpu()
        graph = onnx_export.onnx_graph(encoder, self.decided.size)
        check = graph_check(encoder, graph, self._some_pixels())
        if warning := check.use.warning():
            _log.warning(warning)
        if self.group.first:
            model_directory.save(self.directory, encoder, config, graph)
            checkpoint.write(self.directory / model_directory.CHECKPOINT, trained.checkpoint)
        return Training(
            directory=str(self.directory),
            method=self.settings.method,
            backbone=config.backbone,
            frozen=self.decided.freeze,
            bits=self.settings.bits,
            size=self.decided.size,
            flip_probability=method.settings.get("noise"),
            images=material.images,
            skipped=material.skipped,
            steps=trained.steps,
            epochs=trained.steps / plan.steps_per_epoch,
            loss=trained.figures["loss"],
            mutual_information=trained.figures.get("mutual_information_bits"),
            capacity=trained.figures.get("capacity_bits"),
            onnx_flip_rate=check.flip_rate,
            seconds=trained.checkpoint["seconds"],
        )

    def _encoder(self) -> "Encoder":
        """The network with weights of the seed or of a file."""
        import torch

        from nachash.encoders.encoder import initial

        with torch.random.fork_rng():
            torch.manual_seed(self.settings.seed)
            return initial(
                self.decided.backbone,
                weights=self.decided.weights,
                bits=self.settings.bits,
                head=self.decided.head,
            )

    def _material(self, encoder: "Encoder") -> Material:
        make = material.frozen if self.decided.freeze else material.from_pixels
        with self.group.first_before_others():
            made = make(
                encoder,
                self.data.source,
                self.decided,
                seed=self.settings.split_seed,
                device=torch_device(self.settings.device),
                workers=decoding_threads(self.settings.workers),
                progress=self.progress,
                group=self.group,
            )
        return replace(made, stage=replace(made.stage, precision=self.settings.precision))

    def _plan(self, images: int) -> "Plan":
        from nachash.training import plan as plans

        return plans.fitted(
            images=images,
            batch=self.decided.batch - self.decided.batch % self.group.count,
            epochs=self.settings.epochs,
            budget=self.settings.budget,
            optimiser=self.settings.optimiser,
            learning_rate=self.settings.learning_rate,
            weight_decay=self.settings.weight_decay,
            warmup=self.settings.warmup,
            seed=self.settings.seed,
            head_only=self.decided.freeze,
        )

    def _method(self, material: Material, plan: "Plan") -> Any:
        """The objective around what is trained, on the training device."""
        import torch

        from nachash.objective import Scale

        plugin = plugins.load("methods", self.settings.method)
        with torch.random.fork_rng():
            torch.manual_seed(self.settings.seed)
            method = plugin.method(material.trainee, Scale(plan.images, plan.batch), **self.given)
        method = method.to(material.stage.device).to(memory_format=torch.channels_last)
        if self.settings.compile:
            method.compile()
        return method

    def _grouped_norms(self, trainee: Any, rows: int, views: int) -> AbstractContextManager[None]:
        """Batch norms that see a part of a batch at a time, as on several GPUs, where asked for."""
        from nachash.encoders.grouped_norms import grouped_norms

        groups = self.settings.norm_groups
        if groups is None:
            return contextlib.nullcontext()
        if self.group.count > 1:
            raise UsageError(
                "groups of batch norms stand for several devices, and here there are several",
                "leave out --norm-groups, or train with one process",
            )
        return grouped_norms(trainee, groups, views=views, rows=rows)

    def _loop(self, method: Any, material: Material, plan: "Plan") -> "Trained":
        """Train, the figures going to the logs and to the progress."""
        from nachash.encoders import model_directory
        from nachash.training import loop

        path = self.directory / model_directory.CHECKPOINT
        # Before the first step nothing can be kept: there, Ctrl-C ends the run at once.
        with interruption() as interrupted:
            keeper = RunKeeper(
                path,
                self.interval,
                material.fingerprint,
                interrupted,
                writes=self.group.first,
            )
            state = keeper.taken_up() if self.settings.resume else None
            after = int(state["step"]) if state else 0
            watch: Callable[[Step], dict[str, float]] = monitor.nothing
            if self.settings.monitor:
                watch = monitor.watching(self.data, material, self.settings.bits)
            told = reporting(self.directory, after, self.progress, watch)
            rows = method.views * plan.batch
            grouped = self._grouped_norms(material.trainee, rows, method.views)
            with grouped, told if self.group.first else unheard() as report:
                return loop.train(method, material.stage, plan, report, keeper=keeper, state=state)

    def _config(
        self, plan: "Plan", material: Material, method_settings: Mapping[str, Any], seconds: float
    ) -> ModelConfig:
        """What is recorded of a training run."""
        return ModelConfig(
            bits=self.settings.bits,
            backbone=self.decided.backbone,
            weights=self.decided.weights,
            head=self.decided.head,
            preprocessing=Preprocessing(self.decided.size),
            method=self.settings.method,
            method_settings=dict(method_settings),
            training={
                **asdict(plan),
                "augment": self.decided.augment,
                "view_strength": self.decided.view_strength,
                "frozen": self.decided.freeze,
                "precision": self.settings.precision,
                "norm_groups": self.settings.norm_groups,
                "seconds": round(seconds, 1),
            },
            data={
                "name": self.data.name,
                "rule": self.data.rule,
                "split_seed": self.settings.split_seed,
                "images": material.images,
                "skipped": len(material.skipped),
                "sha256": material.fingerprint,
            },
            seed=self.settings.seed,
            versions=list_versions(),
        )

    def _some_pixels(self) -> UInt8[np.ndarray, "n 3 size size"]:
        """Some of the images, on which the graph is compared with torch."""
        most = _COMPARED_IMAGES_FROZEN if self.decided.freeze else _COMPARED_IMAGES
        return training_images.some_pixels(self.data.source, self.decided.size, most)


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
