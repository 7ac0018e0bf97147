"""The binary symmetric channel: each bit of a code is flipped with probability p.

Codewords are codes written as +-1. With L = log((1 - p) / p) and D bits, the channel's
likelihood of the noisy codeword c~ given the codeword c is, in nats,

    log P(c~ | c) = L/2 <c~, c> + D/2 log(p (1 - p)).

Source: Park et al., ICML 2021 (the poster's "Neural Activation Coding"); the algebra follows
from P(c~_d | c_d) = p or 1 - p. Natural logarithms unless a name says bits.
"""

import math

import torch
from torch import Tensor

from nachash.errors import UsageError
from nachash.shapes import Float


def checked_flip_probability(probability: float) -> float:
    """Return `probability` when a channel can have it: in (0, 0.5).

    Raises:
        UsageError: for any other number.
    """
    if not 0.0 < probability < 0.5:
        raise UsageError(
            f"a channel cannot flip bits with probability {probability:g}: "
            "it must lie between 0 and 0.5, both excluded",
            "use --noise 0.3",
        )
    return probability


def log_odds(flip_probability: float) -> float:
    """L = log((1 - p) / p): the weight, in nats, of one bit that arrives as it was sent."""
    return math.log1p(-flip_probability) - math.log(flip_probability)


def capacity(bits: int, flip_probability: float) -> float:
    """D (1 - H2(p)), in bits: the most that D uses of the channel can carry."""
    p = flip_probability
    entropy = -(p * math.log2(p) + (1 - p) * math.log2(1 - p))
    return bits * (1 - entropy)


def flip_probability_of(bits: int, wanted: float) -> float:
    """The noise at which `bits` uses of the channel carry `wanted` bits; 0.1 to 0.48."""
    low, high = 0.1, 0.48
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if capacity(bits, middle) > wanted else (low, middle)
    return low


def transmit(
    codewords: Float[Tensor, "*n bits"], flip_probability: float, generator: torch.Generator
) -> Float[Tensor, "*n bits"]:
    """Codewords after the channel: every element changes its sign with probability p.

    The noise is drawn from `generator` on the generator's device. Relaxed codewords (tanh of
    activations) keep their size, so the gradient passes through.
    """
    uniform = torch.rand(codewords.shape, generator=generator, device=generator.device)
    flipped = (uniform < flip_probability).to(codewords.device)
    return torch.where(flipped, -codewords, codewords)


def receive(
    codewords: Float[Tensor, "*n bits"],
    flip_probability: float,
    generator: torch.Generator,
    sampled: float = 1.0,
) -> Float[Tensor, "*n bits"]:
    """Codewords after a channel whose noise is drawn in part, with the mean of the whole noise.

    Of the noise p the share `sampled`, s p, is drawn; the rest shrinks what arrives: elements
    change their sign with probability s p and are multiplied by (1 - 2 p) / (1 - 2 s p). The
    mean is (1 - 2 p) c for every share. At 1 this is `transmit`, at 0 the mean itself.
    """
    drawn = sampled * flip_probability
    return transmit(codewords, drawn, generator) * ((1 - 2 * flip_probability) / (1 - 2 * drawn))


def log_likelihood(
    noisy: Float[Tensor, "noisy bits"],
    codewords: Float[Tensor, "codewords bits"],
    flip_probability: float,
) -> Float[Tensor, "noisy codewords"]:
    """Log P(c~ | c), in nats, of every noisy codeword given every codeword.

    A distribution over the 2^D noisy codewords when `codewords` are +-1; with relaxed
    codewords it is the surrogate that NAC trains on.
    """
    p = flip_probability
    log_normaliser = noisy.shape[-1] / 2 * (math.log(p) + math.log1p(-p))
    return log_odds(p) / 2 * (noisy @ codewords.T) + log_normaliser
