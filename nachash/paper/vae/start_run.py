"""One start of `vae`: fitted epoch by epoch, its state kept, then measured on the test images."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch

from nachash.errors import TrainingError
from nachash.paper.vae import evaluation, fit, optimised_posterior
from nachash.paper.vae.autoencoder import Autoencoder
from nachash.paper.vae.bounds import active_units
from nachash.paper.vae.decoder import Decoder
from nachash.paper.vae.directory import RunDirectory
from nachash.paper.vae.likelihoods import Likelihood, bits_per_dimension
from nachash.paper.vae.posterior import Posterior
from nachash.paper.vae.starts import Start
from nachash.records import Progress
from nachash.results import published
from nachash.results.vae import InferenceGap, PosterFigures, VaeEpoch, VaeStart
from nachash.training import arithmetic, randomness
from nachash.training.plan import Plan, rate_factor

if TYPE_CHECKING:
    from nachash.encoders.encoder import Encoder

OPTIMISED_IMAGES: Final = 64
OPTIMISED_STEPS: Final = 200


def autoencoder(
    encoder: "Encoder", likelihood: Likelihood, *, latent: int, size: int, seed: int
) -> Autoencoder:
    """The backbone of an encoder with a new decoder and posterior, equal for every start.

    Raises:
        UsageError: the decoder cannot draw pictures of that size.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        decoder = Decoder(latent, size)
        posterior = Posterior(
            encoder.backbone, encoder.features, latent, mean=encoder.mean, std=encoder.std
        )
    return Autoencoder(posterior, decoder, likelihood)


def course(plan: Plan, device: torch.device) -> fit.Course:
    """Length, order, noise and rate of every start, which follow from the plan alone."""

    def positions(step: int) -> torch.Tensor:
        epoch, number = divmod(step, plan.steps_per_epoch)
        order = randomness.epoch_order(plan.seed, epoch, plan.images)
        return order[number * plan.batch : (number + 1) * plan.batch]

    def generator(step: int) -> torch.Generator:
        # For dropout, which takes its random numbers from nowhere else.
        torch.manual_seed(randomness.step_seed(plan.seed, step))
        return randomness.step_generator(plan.seed, step, device)

    return fit.Course(
        steps_per_epoch=plan.steps_per_epoch,
        share=plan.share,
        positions=positions,
        generator=generator,
        rate=lambda share: plan.learning_rate * rate_factor(min(share, 1.0), plan.warmup),
        arithmetic=lambda: arithmetic.autocast(device),
    )


@dataclass(frozen=True, slots=True)
class Measures:
    """How the fitted model is measured."""

    iw_samples: int
    seed: int


@dataclass(frozen=True, slots=True)
class StartRun:
    """A start under way: number and name, network on its device, images, and where it is kept."""

    number: int
    start: Start
    network: Autoencoder
    train: torch.Tensor
    test: torch.Tensor
    directory: RunDirectory
    progress: Progress

    @property
    def state(self) -> Path:
        """Where the weights of the last good epoch lie."""
        return self.directory.state(self.number, self.start.init)

    def fitted(self, plan: Plan, seed: int) -> tuple[VaeEpoch, ...]:
        """Fit the network; the points of its curves.

        Raises:
            TrainingError: a bound is not finite; names the step and the last good state.
            StorageError: the state cannot be written.
        """
        self._keep(0)
        points: list[VaeEpoch] = []
        try:
            with torch.random.fork_rng(devices=[]):
                for point in self._points(plan, seed):
                    self._keep(point.epoch)
                    self.directory.note_epoch(self.number, self.start.init, point)
                    points.append(point)
        except TrainingError as error:
            raise TrainingError(
                f"start {self.number} ({self.start.init}): {error.sentence}; its last good state, "
                f"after epoch {len(points)}, is {self.state}",
                f"a smaller rate: --learning-rate {plan.learning_rate / 10:.2g}",
            ) from error
        return tuple(points)

    def _points(self, plan: Plan, seed: int) -> Iterator[VaeEpoch]:
        schedule = course(plan, self.network.log_scale.device)
        for epoch in fit.epochs(self.network, self.train, schedule):
            terms = evaluation.terms(self.network, self.test, seed)
            point = VaeEpoch(
                epoch=epoch.number,
                steps=epoch.steps,
                seconds=epoch.seconds,
                log_likelihood=float(terms.log_likelihood),
                kl=float(terms.divergence),
                elbo=float(terms.log_likelihood - terms.divergence),
                train_elbo=epoch.elbo,
            )
            if not abs(point.elbo) < float("inf"):
                raise TrainingError(
                    f"the bound on test images after step {epoch.steps} is {point.elbo}"
                )
            self.progress(
                f"{self.number} {self.start.init}", round(100 * epoch.share), 100, elbo=point.elbo
            )
            yield point

    def _keep(self, epoch: int) -> None:
        self.directory.keep(self.state, self.network.state_dict(), epoch)

    def measured(self, points: tuple[VaeEpoch, ...], measures: Measures) -> VaeStart:
        """The figures of the fitted network."""
        estimate = evaluation.estimate(self.network, self.test, measures.iw_samples, measures.seed)
        sample = self.test[:OPTIMISED_IMAGES]
        amortisation = optimised_posterior.amortisation(
            self.network, sample, measures.seed, OPTIMISED_STEPS
        )
        figures = {
            "log_likelihood": float(estimate.log_likelihood.mean()),
            "kl": float(estimate.divergence.mean()),
            "elbo": float(estimate.elbo.mean()),
            "iw_log_likelihood": float(estimate.importance_weighted.mean()),
        }
        bits = {
            name: bits_per_dimension(nats if name == "kl" else -nats, self.test[0].numel())
            for name, nats in figures.items()
        }
        poster = published.VAE.get(self.start.method)
        return VaeStart(
            init=self.start.init,
            method=self.start.method,
            model=self.start.model,
            **figures,
            bits_per_dim=bits,
            active_units=int(active_units(estimate.means).sum()),
            inference_gap=InferenceGap(
                importance_weighted=figures["iw_log_likelihood"] - figures["elbo"],
                optimised_posterior=amortisation.gap,
                images=len(sample),
            ),
            scale=float(self.network.log_scale.detach().exp()),
            epochs=points,
            steps=points[-1].steps,
            seconds=points[-1].seconds,
            state=str(self.state),
            poster=PosterFigures(*poster) if poster else None,
        )
