"""Figures of a fitted autoencoder on images that it was not fitted to; all in nats per image."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from nachash.paper.vae.autoencoder import Autoencoder, Terms
from nachash.paper.vae.bounds import importance_weighted, log_ratio
from nachash.paper.vae.fit import as_floats
from nachash.shapes import Float, Float64, UInt8

_IMAGES_AT_ONCE: Final = 128
_DECODED_AT_ONCE: Final = 1024
_ROUNDING: Final = 1e-8  # of float64 sums of some thousand nats
_CURVE: Final = 1  # seeds of noise, so that a curve and an estimate do not share theirs
_ESTIMATE: Final = 2
_PRIOR: Final = 3

Pixels = UInt8[Tensor, "n 3 size size"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bounds of every image from the same samples of its posterior, and the posterior means.

    `elbo` is the mean of the log weights and `divergence` what is left of the log-likelihood
    above it (the sampled KL), so that log_likelihood - divergence = elbo <= importance_weighted
    holds image by image and exactly.
    """

    log_likelihood: Float64[Tensor, "n"]
    divergence: Float64[Tensor, "n"]
    elbo: Float64[Tensor, "n"]
    importance_weighted: Float64[Tensor, "n"]
    means: Float[Tensor, "n latent"]


@torch.no_grad()
def terms(autoencoder: Autoencoder, images: Pixels, seed: int) -> Terms:
    """Means over images of log-likelihood (a sample per image) and exact KL."""
    autoencoder.eval()
    generator = _generator(autoencoder, seed, _CURVE)
    found = [
        autoencoder(x, _noise(autoencoder, 1, x, generator)[0])
        for x in _batches(autoencoder, images)
    ]
    return Terms(*(torch.cat(part).cpu().double().mean() for part in zip(*found, strict=True)))


@torch.no_grad()
def estimate(autoencoder: Autoencoder, images: Pixels, samples: int, seed: int) -> Estimate:
    """Bounds from `samples` samples of the posterior of each image, in single precision layers."""
    autoencoder.eval()
    generator = _generator(autoencoder, seed, _ESTIMATE)
    pieces = [_estimated(autoencoder, x, samples, generator) for x in _batches(autoencoder, images)]
    return Estimate(*(torch.cat(part).cpu() for part in zip(*pieces, strict=True)))


def _estimated(
    autoencoder: Autoencoder,
    images: Float[Tensor, "batch 3 size size"],
    samples: int,
    generator: torch.Generator,
) -> tuple[Tensor, ...]:
    """The fields of `Estimate` for some images."""
    posterior = autoencoder.posterior(images)
    at_once = max(1, _DECODED_AT_ONCE // len(images))
    likelihoods, weights = [], []
    for begin in range(0, samples, at_once):
        noise = _noise(autoencoder, min(at_once, samples - begin), images, generator)
        likelihoods.append(autoencoder.log_likelihood(images, posterior, noise).cpu().double())
        weights.append(likelihoods[-1] + log_ratio(posterior, noise).cpu().double())
    log_likelihood = torch.cat(likelihoods).mean(dim=0)
    log_weights = torch.cat(weights)
    elbo = log_weights.mean(dim=0)
    bound = importance_weighted(log_weights)
    assert not (bound < elbo - _ROUNDING).any(), "Jensen's inequality does not hold"
    return log_likelihood, log_likelihood - elbo, elbo, bound, posterior.mean


@torch.no_grad()
def reconstructions(autoencoder: Autoencoder, images: Pixels) -> Pixels:
    """Images as the decoder draws them from their posterior means."""
    autoencoder.eval()
    drawn = [
        autoencoder.decoder(autoencoder.posterior(x).mean) for x in _batches(autoencoder, images)
    ]
    return _as_pixels(torch.cat(drawn))


@torch.no_grad()
def samples(autoencoder: Autoencoder, count: int, seed: int) -> Pixels:
    """Means of images whose latents come from the prior; the same latents for every start."""
    autoencoder.eval()
    generator = _generator(autoencoder, seed, _PRIOR)
    device = generator.device
    latents = torch.randn(count, autoencoder.latent, generator=generator, device=device)
    return _as_pixels(autoencoder.decoder(latents))


def _batches(autoencoder: Autoencoder, images: Pixels) -> Iterator[Tensor]:
    for piece in torch.split(images, _IMAGES_AT_ONCE):
        yield as_floats(piece, autoencoder.log_scale.device)


def _generator(autoencoder: Autoencoder, seed: int, purpose: int) -> torch.Generator:
    return torch.Generator(autoencoder.log_scale.device).manual_seed(4 * seed + purpose)


def _noise(
    autoencoder: Autoencoder, count: int, images: Tensor, generator: torch.Generator
) -> Float[Tensor, "count batch latent"]:
    shape = (count, len(images), autoencoder.latent)
    return torch.randn(shape, generator=generator, device=images.device)


def _as_pixels(images: Float[Tensor, "n 3 size size"]) -> Pixels:
    return (images * 255).round().to(torch.uint8).cpu()
