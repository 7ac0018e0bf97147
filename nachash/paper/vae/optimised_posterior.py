"""What a posterior gains when it is fitted to one image alone: part of the inference gap.

Source: Cremer, Li and Duvenaud, "Inference suboptimality in variational autoencoders", ICML 2018:
the inference gap log p(x) - ELBO is the approximation gap, which no normal distribution with
independent latents closes, plus the amortisation gap, which this one closes.
"""

from typing import Final, NamedTuple

import torch
from torch import Tensor

from nachash.paper.vae.autoencoder import Autoencoder
from nachash.paper.vae.bounds import Gaussian, divergence_from_prior
from nachash.paper.vae.fit import as_floats
from nachash.shapes import Float64, UInt8

_RATE: Final = 0.03
_SAMPLES: Final = 32  # of noise that is the same before and after


class Amortisation(NamedTuple):
    """ELBO of every image, by the encoder's posterior and by the one fitted to the image."""

    encoder: Float64[Tensor, "n"]
    optimised: Float64[Tensor, "n"]

    @property
    def gap(self) -> float:
        """Mean of what the fitted posteriors gain, in nats per image."""
        return float((self.optimised - self.encoder).mean())


def amortisation(
    autoencoder: Autoencoder, images: UInt8[Tensor, "n 3 size size"], seed: int, steps: int
) -> Amortisation:
    """Mean and log variance of each image's posterior, moved by Adam from the encoder's.

    The rate falls linearly to zero. ELBOs before and after are means over the same noise, other
    noise than that of the steps, so that the gain is not one of fitting to the noise.
    """
    autoencoder.eval()
    device = autoencoder.log_scale.device
    generator = torch.Generator(device).manual_seed(4 * seed)
    pictures = as_floats(images, device)
    with torch.no_grad():
        first = autoencoder.posterior(pictures)
    mean, log_variance = (part.clone().requires_grad_() for part in first)
    fitted = Gaussian(mean, log_variance)
    optimiser = torch.optim.Adam([mean, log_variance])
    shape = (len(images), autoencoder.latent)
    for step in range(steps):
        noise = torch.randn((1, *shape), generator=generator, device=device)
        bound = _elbo(autoencoder, pictures, fitted, noise)
        gradients = torch.autograd.grad(-bound.sum(), [mean, log_variance])
        mean.grad, log_variance.grad = gradients
        optimiser.param_groups[0]["lr"] = _RATE * (1 - step / steps)
        optimiser.step()
    noise = torch.randn((_SAMPLES, *shape), generator=generator, device=device)
    with torch.no_grad():
        return Amortisation(
            *(_elbo(autoencoder, pictures, each, noise).cpu().double() for each in (first, fitted))
        )


def _elbo(autoencoder: Autoencoder, pictures: Tensor, posterior: Gaussian, noise: Tensor) -> Tensor:
    log_likelihood = autoencoder.log_likelihood(pictures, posterior, noise).mean(dim=0)
    return log_likelihood - divergence_from_prior(posterior)
