"""`linear`: frozen features and labels -> a linear classifier -> its accuracy on test images."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from nachash.inference.model_directory import open_model
from nachash.probes.knn import NEIGHBOURS
from nachash.records import Progress, Skipped, silent
from nachash.results.linear import Features, LinearProbe, LinearResult
from nachash.shapes import Int64
from nachash.tasks.environment import list_versions
from nachash.tasks.linear import classified_images, solvers
from nachash.tasks.linear.classified_images import Classification
from nachash.tasks.linear.frozen_encoder import Encoded, FrozenEncoder, encoded, opened
from nachash.tasks.linear.options import LinearSettings
from nachash.tasks.linear.settings import check, check_labels, epochs_of, seeds_of
from nachash.tasks.linear.solvers import Exact, Neighbours, Published, Trial, subset_of
from nachash.tasks.model import chosen_model
from nachash.tasks.train.images import median_side
from nachash.tasks.workers import decoding_threads

_log = logging.getLogger(__name__)

_POSTER: Final = {
    "cifar10": "table of linear image classification, column CIFAR-10; there ResNet-50",
    "imagenet": "table of linear image classification, column ImageNet-1K; there ResNet-50",
}

__all__ = ["LinearSettings", "linear"]


def linear(
    settings: LinearSettings,
    *,
    progress: Progress = silent,
) -> LinearProbe:
    """Accuracy of a classifier on what each model says of the images.

    Labels of test images are compared with the predictions and enter nothing else.

    Raises:
        UsageError: a setting that makes no sense, labels that are missing or too few.
        MissingError, NoImagesError: no model, no data set, no images.
        DamagedError, IncompatibleError: a model that is damaged or not whole.
    """
    started = time.perf_counter()
    check(settings)
    directories = settings.models or (chosen_model(None),)
    for each in directories:
        open_model(each)  # what is wrong with one is told before anything long begins
    data = _classification(settings)
    check_labels(settings, data, data.train.classes)
    models = [opened(each, settings.device) for each in directories]
    skipped: dict[str, Skipped] = {}
    results: list[LinearResult] = []
    for model in models:
        _tell(model, data)
        run = _Model(settings, data, model, progress)
        results += run.results(skipped)
    return LinearProbe(
        results=tuple(results),
        solver=settings.solver,
        data=data.name,
        rule=data.rule,
        sha256=data.fingerprint,
        classes=data.names,
        chance=_chance(data),
        seed=settings.seed,
        seeds=settings.seeds,
        epochs=epochs_of(settings) if settings.solver == "published" else None,
        neighbours=NEIGHBOURS if settings.solver == "knn" else None,
        poster=_POSTER.get(settings.dataset or ""),
        skipped=tuple(skipped.values()),
        versions=list_versions(),
        seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True, slots=True)
class _Model:
    """Everything that is measured of one model."""

    settings: LinearSettings
    data: Classification
    model: FrozenEncoder
    progress: Progress

    def results(self, skipped: dict[str, Skipped]) -> Iterator[LinearResult]:
        """A result for each kind of features and fraction; adds the images that were skipped."""
        test = self._encoded("test", skipped)
        classes, solver = self._solver(test, skipped)
        check_labels(self.settings, self.data, classes)
        for kind in cast("tuple[Features, ...]", self.settings.features):  # others were refused
            for fraction in self.settings.fractions:
                yield self._result(solver, kind, fraction, classes, test.classes)

    def _solver(
        self, test: Encoded, skipped: dict[str, Skipped]
    ) -> tuple[Int64[np.ndarray, "n"], solvers.Solver]:
        """The classes of the images that are learned from, and what learns."""
        if self.settings.solver == "published":
            workers = decoding_threads(self.settings.workers)
            return self.data.train.classes, Published(
                self.model,
                self.data.train,
                test,
                len(self.data.names),
                epochs_of(self.settings),
                self.data.complete,
                workers,
                self.progress,
            )
        train = self._encoded("training images", skipped)
        if self.settings.solver == "knn":
            return train.classes, Neighbours(train, test, NEIGHBOURS)
        return train.classes, Exact(train, test)

    def _encoded(self, part: str, skipped: dict[str, Skipped]) -> Encoded:
        found = encoded(
            self.model,
            self.data.test if part == "test" else self.data.train,
            complete=self.data.complete,
            workers=decoding_threads(self.settings.workers),
            stage=f"{self.model.directory.name}: {part}",
            progress=self.progress,
        )
        skipped |= {image.path: image for image in found.skipped}
        return found

    def _result(
        self,
        solver: solvers.Solver,
        kind: Features,
        fraction: float,
        classes: Int64[np.ndarray, "n"],
        truth: Int64[np.ndarray, "test"],
    ) -> LinearResult:
        started = time.perf_counter()
        trials: list[Trial] = []
        count = 0
        for seed in seeds_of(self.settings, fraction):
            subset = subset_of(classes, fraction, seed)
            trials.append(solver(kind, subset, seed))
            count = len(subset)
        if not all(trial.converged for trial in trials):
            _log.info(
                "%s, %.4g of the labels: logistic regression did not converge", kind, fraction
            )
        accuracies = tuple(float((trial.predicted == truth).mean()) for trial in trials)
        several = len(accuracies) > 1
        return LinearResult(
            model=str(self.model.directory),
            encoder_sha256=self.model.config.encoder_sha256,
            method=self.model.config.method,
            backbone=self.model.config.backbone,
            bits=self.model.config.bits,
            features=kind,
            fraction=fraction,
            train=count,
            test=len(truth),
            accuracy=float(np.mean(accuracies)),
            spread=float(np.std(accuracies, ddof=1)) if several else None,
            accuracies=accuracies,
            penalties=tuple(trial.penalty for trial in trials if trial.penalty is not None),
            confusion=_confusion(truth, trials, len(self.data.names)),
            seen=self.data.seen(self.model.config),
            seconds=time.perf_counter() - started,
        )


def _classification(settings: LinearSettings) -> Classification:
    if settings.dataset is not None:
        return classified_images.of_dataset(settings.dataset, settings.data_root, settings.seed)
    assert settings.images is not None
    return classified_images.of_folder(settings.images, settings.test, settings.seed)


def _tell(
    model: FrozenEncoder,
    data: Classification,
) -> None:
    """Say what a reader of the figure should know beforehand."""
    side, size = median_side(data.test.source), model.config.preprocessing.size
    if side is not None and side < size:
        _log.info(
            "%s takes %d pixels: images of %.0f pixels are enlarged", model.directory, size, side
        )
    if seen := data.seen(model.config):
        _log.info(
            "%s was trained, without labels, on %s of the %s test images",
            model.directory,
            f"{seen:,}",
            f"{len(data.test.classes):,}",
        )


def _chance(data: Classification) -> float:
    most_frequent = np.bincount(data.train.classes).argmax()
    return float((data.test.classes == most_frequent).mean())


def _confusion(
    truth: Int64[np.ndarray, "test"], trials: list[Trial], classes: int
) -> Int64[np.ndarray, "classes classes"]:
    """Test images by true class (rows) and predicted class, added up over trials."""
    counts = np.zeros((classes, classes), np.int64)
    for trial in trials:
        np.add.at(counts, (truth, trial.predicted), 1)
    return counts
