"""The variational autoencoder: posterior, decoder and likelihood as one module."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nachash.paper.vae.bounds import Gaussian, divergence_from_prior
from nachash.paper.vae.decoder import Decoder
from nachash.paper.vae.likelihoods import Likelihood
from nachash.paper.vae.posterior import Posterior
from nachash.shapes import Float


class Terms(NamedTuple):
    """The two halves of the evidence lower bound, in nats per image: ELBO = first - second."""

    log_likelihood: Float[Tensor, "batch"]
    divergence: Float[Tensor, "batch"]


class Autoencoder(nn.Module):
    """p(x | z) of a decoder and a likelihood, q(z | x) of a posterior."""

    def __init__(self, posterior: Posterior, decoder: Decoder, likelihood: Likelihood) -> None:
        super().__init__()
        self.posterior = posterior
        self.decoder = decoder
        self.likelihood = likelihood
        self.latent = posterior.means.out_features
        self.log_scale = nn.Parameter(
            torch.tensor(likelihood.first_scale).log(), requires_grad=likelihood.learnt
        )

    def forward(
        self, images: Float[Tensor, "batch 3 size size"], noise: Float[Tensor, "batch latent"]
    ) -> Terms:
        """One sample's log-likelihood, and the exact divergence of the posterior from the prior."""
        posterior = self.posterior(images)
        log_likelihood = self.log_likelihood(images, posterior, noise[None])[0]
        return Terms(log_likelihood, divergence_from_prior(posterior))

    def log_likelihood(
        self,
        images: Float[Tensor, "batch 3 size size"],
        posterior: Gaussian,
        noise: Float[Tensor, "samples batch latent"],
    ) -> Float[Tensor, "samples batch"]:
        """Nats per image, log p(x | z), for samples z of the posterior."""
        latents = posterior.at(noise)
        means = self.decoder(latents.flatten(0, 1)).unflatten(0, latents.shape[:2])
        return self.likelihood.log_probability(images, means, self.log_scale.exp())
