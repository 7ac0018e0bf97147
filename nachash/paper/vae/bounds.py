"""Bounds on log p(x) from samples of the approximate posterior, and what the latents carry.

x is an image, z its latent vector, p(z) = N(0, I), q(z | x) = N(mean, diag(variance)). All
values are in nats per image.
"""

import math
from typing import Final, NamedTuple

import torch
from torch import Tensor

from nachash.shapes import Bool, Float, Float64

ACTIVE_VARIANCE: Final = 0.01
_LOG_TWO_PI: Final = math.log(2 * math.pi)


class Gaussian(NamedTuple):
    """Means and logarithms of the variances of independent normal distributions."""

    mean: Float[Tensor, "batch latent"]
    log_variance: Float[Tensor, "batch latent"]

    def at(self, noise: Float[Tensor, "*samples batch latent"]) -> Tensor:
        """Samples mean + sqrt(variance) noise, where noise is standard normal."""
        return self.mean + torch.exp(self.log_variance / 2) * noise


def divergence_from_prior(posterior: Gaussian) -> Float[Tensor, "batch"]:
    """KL(q(z | x) || N(0, I)) = 1/2 sum(mean^2 + variance - 1 - log variance).

    Source: Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014, appendix B.
    """
    mean, log_variance = posterior
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=-1)


def log_ratio(
    posterior: Gaussian, noise: Float[Tensor, "*samples batch latent"]
) -> Float[Tensor, "*samples batch"]:
    """The log of p(z) / q(z | x) at z = posterior.at(noise); its mean over noise is -KL.

    The constants D/2 log(2 pi) cancel, and (z - mean)^2 / variance is noise^2.
    """
    latents = posterior.at(noise)
    return 0.5 * (noise**2 + posterior.log_variance - latents**2).sum(dim=-1)


def importance_weighted(
    log_weights: Float64[Tensor, "samples batch"],
) -> Float64[Tensor, "batch"]:
    """The log of 1/K sum_k w_k, a bound on log p(x) that grows with K in expectation.

    w_k = p(x, z_k) / q(z_k | x) for K samples of the posterior. By Jensen's inequality it is never
    below the mean of the log weights of the same samples, which estimates the ELBO; with K = 1
    both are equal. Source: Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders",
    ICLR 2016, equation 8.
    """
    return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))


def active_units(means: Float[Tensor, "n latent"]) -> Bool[Tensor, "latent"]:
    """Which latents vary with the image: variance over images of the posterior mean above 0.01.

    Source: Burda, Grosse and Salakhutdinov, ICLR 2016, section 5.2 (A_u = Cov_x(E[u | x])).
    """
    return means.var(dim=0, correction=0) > ACTIVE_VARIANCE
