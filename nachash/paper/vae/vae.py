"""`vae`: images and several starts of an encoder -> variational autoencoders side by side."""

import logging
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from nachash.errors import InterruptedRunError, UsageError
from nachash.paper.vae import held_out_images
from nachash.paper.vae import starts as vae_starts
from nachash.paper.vae.directory import STARTS, RunDirectory, check_free, free_name
from nachash.paper.vae.options import VaeSettings
from nachash.records import Progress, silent
from nachash.results.vae import Pixels, VaeComparison, VaePictures
from nachash.tasks.device import torch_device
from nachash.tasks.environment import list_versions
from nachash.tasks.train import images as training_images
from nachash.tasks.workers import decoding_threads

if TYPE_CHECKING:
    import torch

    from nachash.training.plan import Plan

_log = logging.getLogger(__name__)

_LEAST_IMAGES_SEEN: Final = 100_000
_LEAST_EPOCHS: Final = 10
_MOST_EPOCHS: Final = 100
_SHOWN: Final = 10


def vae(
    settings: VaeSettings,
    *,
    progress: Progress = silent,
) -> VaeComparison:
    """Fit a variational autoencoder from each start, with the same decoder, images and noise.

    Raises:
        UsageError: a setting that makes no sense, starts that do not go together.
        MissingError, DamagedError, IncompatibleError: a model or data set cannot be used.
        NoImagesError, TrainingError: too few images; a bound that is not finite.
        ExistsError, StorageError: the output exists, or cannot be written.
        InterruptedRunError: Ctrl-C; what is finished stays.
    """
    from nachash.paper.vae.decoder import sides
    from nachash.paper.vae.likelihoods import likelihood

    _check(settings)
    kind = likelihood(settings.likelihood)
    device = torch_device(settings.device)
    starts = vae_starts.loaded(settings.init, settings.backbone, settings.seed)
    division = held_out_images.divided(
        settings.images,
        settings.dataset,
        settings.data_root,
        most_test=settings.test_images,
        seed=settings.seed,
    )
    size = settings.size or training_images.usual_size(division.train)
    sides(size)
    vae_starts.check_size(starts, size)
    out = settings.out or free_name(division.name)
    check_free(out, overwrite=settings.overwrite)
    pictures = held_out_images.decoded(
        division, size, workers=decoding_threads(settings.workers), progress=progress
    )
    directory = RunDirectory.begun(out, overwrite=settings.overwrite)
    _log.info("writing %s", out)
    result = VaeComparison(
        directory=str(out),
        likelihood=kind.name,
        likelihood_of=kind.explained,
        latent=settings.latent,
        iw_samples=settings.iw_samples,
        backbone=starts.backbone,
        size=size,
        data=pictures.description,
        seed=settings.seed,
        device=str(device),
        versions=list_versions(),
        skipped=pictures.skipped,
    )
    run = _Run(settings, starts, pictures, directory, device, progress)
    try:
        return run.compared(result)
    except KeyboardInterrupt as error:
        raise InterruptedRunError(
            f"interrupted; figures of finished starts are in {out / STARTS}, weights of the last "
            "epochs beside it"
        ) from error


def _check(settings: VaeSettings) -> None:
    """Refuse numbers that make no sense."""
    least = {"iw_samples": 1, "latent": 1, "batch_size": 2, "epochs": 1}
    for name, number in least.items():
        given = getattr(settings, name)
        if given is not None and given < number:
            option = name.replace("_", "-")
            raise UsageError(f"--{option} {given} is less than {number}", f"--{option} {number}")
    if not 0 < settings.learning_rate < math.inf:
        raise UsageError(
            f"a rate of {settings.learning_rate} teaches nothing", "--learning-rate 2e-3"
        )
    if settings.epochs is not None and settings.budget is not None:
        raise UsageError("--budget goes without --epochs", "leave out one of them")


@dataclass(frozen=True, slots=True)
class _Run:
    """All starts, one after the other, on the same images."""

    settings: VaeSettings
    starts: vae_starts.Starts
    pictures: held_out_images.Pictures
    directory: RunDirectory
    device: "torch.device"
    progress: Progress

    def compared(self, result: VaeComparison) -> VaeComparison:
        """Every start fitted and measured; each is written down as soon as it is."""
        import torch

        from nachash.paper.vae import evaluation, start_run
        from nachash.paper.vae.likelihoods import likelihood

        train, test = map(torch.from_numpy, (self.pictures.train, self.pictures.test))
        plan = self._plan()
        measures = start_run.Measures(self.settings.iw_samples, self.settings.seed)
        drawn, sampled = [], []
        for number, start in enumerate(self.starts.each, 1):
            network = start_run.autoencoder(
                start.encoder,
                likelihood(self.settings.likelihood),
                latent=self.settings.latent,
                size=result.size,
                seed=self.settings.seed,
            )
            network = network.to(self.device).to(memory_format=torch.channels_last)
            run = start_run.StartRun(
                number, start, network, train, test, self.directory, self.progress
            )
            points = run.fitted(plan, self.settings.seed)
            measured = run.measured(points, measures)
            result = replace(result, starts=(*result.starts, measured))
            self.directory.note_starts(result)
            drawn.append(_channels_last(evaluation.reconstructions(network, test[:_SHOWN])))
            sampled.append(_channels_last(evaluation.samples(network, _SHOWN, self.settings.seed)))
        originals = _channels_last(test[:_SHOWN])
        shown = VaePictures(originals, tuple(drawn), tuple(sampled))
        return replace(result, pictures=shown)

    def _plan(self) -> "Plan":
        """Length and rate of each start; a budget is shared out equally."""
        from nachash.training.plan import Plan

        images, budget = len(self.pictures.train), self.settings.budget
        epochs = self.settings.epochs
        if epochs is None and budget is None:
            wanted = math.ceil(_LEAST_IMAGES_SEEN / images)
            epochs = min(max(wanted, _LEAST_EPOCHS), _MOST_EPOCHS)
        return Plan(
            images=images,
            batch=min(self.settings.batch_size, images),
            epochs=epochs,
            budget=None if budget is None else budget / len(self.starts.each),
            learning_rate=self.settings.learning_rate,
            seed=self.settings.seed,
        )


def _channels_last(images: "torch.Tensor") -> Pixels:
    return np.ascontiguousarray(images.numpy().transpose(0, 2, 3, 1))
