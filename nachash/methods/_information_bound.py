"""The two logarithms whose mean difference is NAC's lower bound on information.

With a noisy codeword z~ of every view and a sample of M codewords z_k, of which the first are
those of the views themselves,

    posterior = log Q(z~),   log Q = 1/2 sum_d (z~_d l_d + log s(l_d) + log s(-l_d)),
    mixture   = log (1 / M) sum_k P(z~ | z_k),

where l are logits that somebody gives for z~, s is the sigmoid and P the channel's likelihood.
Without logits, Q(z~) is P(z~ | z') with another codeword z'. I(X; C~) >= E[posterior - mixture]
for codewords at +-1 (Park et al., ICML 2021; the mixture: Poole et al., 2019).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from nachash import channel
from nachash.methods._precision import at_least_single
from nachash.shapes import Float, Int64


class LogTerms(NamedTuple):
    """In nats, one number for every noisy codeword."""

    posterior: Float[Tensor, "n"]
    mixture: Float[Tensor, "n"]


def log_terms(
    noisy: Float[Tensor, "n bits"],
    codewords: Float[Tensor, "m bits"],
    explained: Float[Tensor, "n bits"] | Int64[Tensor, "n"],
    flip_probability: float,
    *,
    own: bool = True,
) -> LogTerms:
    """Posterior and mixture of every noisy codeword.

    Args:
        noisy: what came through the channel.
        codewords: the sample that stands for all codewords.
        explained: what gives the posterior: logits l, or the row of z' among `codewords`.
        flip_probability: of the channel.
        own: whether a codeword, the row of `codewords` with the noisy one's number, stands in
            the mixture of its own noisy one. Without it, posterior - mixture is InfoNCE's bound
            (van den Oord et al., 2018) on what codes tell of the other view, if z' explains.
    """
    likelihood = channel.log_likelihood(noisy, codewords, flip_probability)
    mixture = _mixture(likelihood, own=own)
    if explained.is_floating_point():
        return LogTerms(log_posterior(noisy, explained), mixture)
    return LogTerms(likelihood.gather(1, explained[:, None]).squeeze(1), mixture)


def _mixture(likelihood: Float[Tensor, "n m"], *, own: bool) -> Float[Tensor, "n"]:
    if own:
        return likelihood.logsumexp(dim=1) - math.log(likelihood.shape[1])
    itself = torch.eye(*likelihood.shape, dtype=torch.bool, device=likelihood.device)
    others = likelihood.masked_fill(itself, -torch.inf)
    return others.logsumexp(dim=1) - math.log(likelihood.shape[1] - 1)


def log_posterior(
    noisy: Float[Tensor, "n bits"], logits: Float[Tensor, "n bits"]
) -> Float[Tensor, "n"]:
    """Log Q(z~), in nats; log s(l) is evaluated as such, since s(l) underflows."""
    return (noisy * logits + logsigmoid(logits) + logsigmoid(-logits)).sum(dim=1) / 2


def next_view(
    activations: Float[Tensor, "views batch bits"],
    logits: Float[Tensor, "views batch bits"] | None,
) -> Float[Tensor, "n bits"] | Int64[Tensor, "n"]:
    """What explains a view's code: the next view of the image; with two views, each the other's.

    Its logits where there are any, else its row among all views.
    """
    views, batch, _ = activations.shape
    if logits is None:
        return torch.arange(views * batch, device=activations.device).roll(-batch)
    return at_least_single(logits).roll(-1, dims=0).flatten(0, 1)


def hard_codewords(codewords: Float[Tensor, "n bits"]) -> Float[Tensor, "n bits"]:
    """The codes of relaxed codewords or of activations, written as +-1."""
    return torch.where(codewords > 0, 1.0, -1.0).to(codewords)


def information_bits(
    noisy: Float[Tensor, "n bits"],
    codewords: Float[Tensor, "m bits"],
    explained: Float[Tensor, "n bits"] | Int64[Tensor, "n"],
    flip_probability: float,
) -> Float[Tensor, ""]:
    """The bound for codewords at +-1, in bits: a sampled estimate; arguments as of `log_terms`.

    Where a codeword explains, Q is not the channel that was used but the best one, which flips
    the share q of bits in which noisy codewords differ from what explains them: the views differ
    too. Then the mean of log Q is -D H(q).
    """
    terms = log_terms(noisy, codewords, explained, flip_probability)
    posterior = terms.posterior.mean()
    if not explained.is_floating_point():
        flipped = (noisy != codewords[explained]).to(noisy).mean()
        posterior = -noisy.shape[1] * (
            torch.special.entr(flipped) + torch.special.entr(1 - flipped)
        )
    return (posterior - terms.mixture.mean()) / math.log(2)


def most_information(bits: int, codewords: int, flip_probability: float) -> float:
    """In bits: the capacity, which limits the truth, or log2(codewords), which limits estimates."""
    return min(channel.capacity(bits, flip_probability), math.log2(codewords))


def balanced_flip_probability(bits: int, codes: int) -> float:
    """The least noise at which saturated codes are no worse than codes at zero; 0.1 to 0.45.

    A codeword's similarity to itself in the mixture, L/2 (1 - 2p) D with L = log((1 - p) / p),
    must not exceed log(codes), or the loss pushes codes towards zero. L is about 2 (1 - 2p), so
    that p = (1 - sqrt(log(codes) / D)) / 2: 0.34 for 64 bits and 2 x 256 codes.
    """
    return min(max((1 - math.sqrt(math.log(codes) / bits)) / 2, 0.1), 0.45)
