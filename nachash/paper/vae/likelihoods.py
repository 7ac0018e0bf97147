"""Likelihoods p(x | z) of an image, given what the decoder makes of z.

Scale of pixels: images x are in [0, 1], the 8-bit level k as k / 255, and so is the decoder's mean
m. Every function gives nats per image, summed over the D = 3 height width numbers of an image.
A density is one with respect to the unit that its likelihood names; a density over [0, 1] becomes
one over 8-bit levels by taking log(255) nats off per dimension.

Sources: the scale that all pixels share and that is learnt: Rybkin, Daniilidis and Levine,
"Simple and effective VAE training with calibrated decoders", ICML 2021. The discretised logistic:
Kingma et al., "Improved variational inference with inverse autoregressive flow", NeurIPS 2016,
with the open ends of Salimans et al., "PixelCNN++", ICLR 2017.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from nachash.errors import UsageError
from nachash.shapes import Float

LEVEL: Final = 1 / 255  # distance of two 8-bit levels
# Standard deviation of the rounding to 8 bits: no smaller one says anything of the image.
LEAST_DEVIATION: Final = LEVEL / math.sqrt(12)
_FIRST_SCALE: Final = 0.25  # about the standard deviation of the pixels of photographs

# Means may have samples in front of the images; the images are then those of every sample.
Images = Float[Tensor, "batch colours height width"]
Means = Float[Tensor, "*samples batch colours height width"]
PerImage = Float[Tensor, "*samples batch"]


def gaussian(images: Images, means: Means, scale: Float[Tensor, ""]) -> PerImage:
    """Log density of a normal distribution of every pixel, in nats per image.

    log p(x | z) = -D/2 log(2 pi) - D log s - |x - m|^2 / (2 s^2), s being `scale`.
    """
    squares = _over_pixels((images - means) ** 2)
    dimensions = math.prod(images.shape[-3:])
    return -squares / (2 * scale**2) - dimensions * (torch.log(scale) + math.log(2 * math.pi) / 2)


def symmetric_gaussian(images: Images, means: Means, scale: Float[Tensor, ""]) -> PerImage:
    """The same of pixels 2x - 1 and means 2m - 1, which lie in [-1, 1]."""
    return gaussian(2 * images - 1, 2 * means - 1, scale)


def learned_gaussian(images: Images, means: Means, scale: Float[Tensor, ""]) -> PerImage:
    """`gaussian` with a standard deviation of at least LEAST_DEVIATION.

    Deviation from Rybkin et al.: they bound log s softly at -6; the bound here is -6.8.
    """
    return gaussian(images, means, scale.clamp_min(LEAST_DEVIATION))


def discretized_logistic(images: Images, means: Means, scale: Float[Tensor, ""]) -> PerImage:
    """Log probability of 8-bit levels, in nats per image.

    P(k | z) = F((k + 1/2) / 255) - F((k - 1/2) / 255), F(x) = sigmoid((x - m) / s), where the
    lowest level reaches down to minus infinity and the highest up to infinity, so that the
    probabilities of the 256 levels sum to one. With a and b the upper and lower end in units of s,
    sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), which has no cancellation.
    """
    centred = (images - means) / scale
    half = LEVEL / 2 / scale
    upper = torch.where(images > 1 - LEVEL / 2, 0.0, functional.logsigmoid(centred + half))
    lower = torch.where(images < LEVEL / 2, 0.0, functional.logsigmoid(half - centred))
    both = (images >= LEVEL / 2) & (images <= 1 - LEVEL / 2)
    inside = torch.where(both, torch.log(-torch.expm1(-2 * half)), 0.0)
    return _over_pixels(upper + lower + inside)


@dataclass(frozen=True, slots=True)
class Likelihood:
    """A likelihood by name.

    Attributes:
        name: as the user types it.
        log_probability: of images, given means and scale, in nats per image.
        first_scale: the scale to begin with.
        learnt: whether the scale is a parameter of the model.
        explained: what nats and bits per dimension are of, in one line.
    """

    name: str
    log_probability: Callable[[Images, Means, Float[Tensor, ""]], PerImage]
    first_scale: float
    learnt: bool
    explained: str


_DENSITY: Final = (
    "bits per dimension = -nats / (D log 2), of a density over pixels in {unit}; "
    "add {more:.2f} for one over 8-bit levels"
)
_KNOWN: Final = (
    Likelihood(
        "gaussian",
        gaussian,
        1.0,
        False,
        f"unit variance, pixels in [0, 1]; {_DENSITY.format(unit='[0, 1]', more=math.log2(255))}",
    ),
    Likelihood(
        "gaussian-symmetric",
        symmetric_gaussian,
        1.0,
        False,
        "unit variance, pixels in [-1, 1]; "
        + _DENSITY.format(unit="[-1, 1]", more=math.log2(255 / 2)),
    ),
    Likelihood(
        "learned-gaussian",
        learned_gaussian,
        _FIRST_SCALE,
        True,
        "one learnt variance, pixels in [0, 1]; "
        + _DENSITY.format(unit="[0, 1]", more=math.log2(255)),
    ),
    Likelihood(
        "discretized-logistic",
        discretized_logistic,
        _FIRST_SCALE / 2,
        True,
        "one learnt scale, a probability of 8-bit pixels; bits per dimension = -nats / (D log 2)",
    ),
)
LIKELIHOODS: Final[Mapping[str, Likelihood]] = {each.name: each for each in _KNOWN}


def likelihood(name: str) -> Likelihood:
    """The likelihood of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in LIKELIHOODS:
        raise UsageError(f"'{name}' is not a likelihood", f"--likelihood {'|'.join(LIKELIHOODS)}")
    return LIKELIHOODS[name]


def bits_per_dimension(cost: float, dimensions: int) -> float:
    """Bits that a cost in nats comes to for each of D numbers: cost / (D log 2).

    The cost of a log-likelihood or bound is its negative, that of a KL divergence itself: the bits
    of both halves add up to those of the ELBO.
    """
    return cost / (dimensions * math.log(2))


def _over_pixels(values: Means) -> PerImage:
    return values.sum(dim=(-3, -2, -1))
