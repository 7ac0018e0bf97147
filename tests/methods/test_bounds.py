"""Which of NAC's quantities bound I(X; C~): all noisy words of a small channel, one by one."""

import itertools
import math
from typing import NamedTuple

import pytest
import torch

from nachash import channel
from nachash.methods._information_bound import log_terms
from nachash.methods.nac_mean_field import mean_field_loss

BITS, IMAGES = 8, 4


class Truth(NamedTuple):
    """The four codes, all 256 noisy words, P(word | code), and I(X; C~) in bits."""

    codes: torch.Tensor
    words: torch.Tensor
    likelihood: torch.Tensor
    information: float


def truth(p: float) -> Truth:
    """Codewords of the extended Hamming code: every two differ in four bits or in eight."""
    codes = torch.tensor(
        [[1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, -1, -1, -1, -1], [-1] * 8, [-1] * 4 + [1] * 4],
        dtype=torch.float64,
    )
    words = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=BITS)), dtype=torch.float64)
    likelihood = channel.log_likelihood(words, codes, p).exp()
    ratio = (likelihood / likelihood.mean(dim=1, keepdim=True)).log2()
    return Truth(codes, words, likelihood, float((likelihood * ratio).sum() / IMAGES))


def objective(p: float, *, own: bool) -> float:
    """The exact mean of NAC's objective over the noise, in bits; two equal views of an image."""
    known = truth(p)
    both = known.codes.repeat(2, 1)
    other_view = torch.arange(2 * IMAGES).roll(IMAGES)
    total = 0.0
    for image, word in itertools.product(range(IMAGES), range(2**BITS)):
        noisy = both.index_copy(0, torch.tensor([image]), known.words[word : word + 1])
        terms = log_terms(noisy, both, other_view, p, own=own)
        total += float(known.likelihood[word, image] * (terms.posterior - terms.mixture)[image])
    return total / IMAGES / math.log(2)


@pytest.mark.parametrize("p", [0.05, 0.1, 0.3])
def test_with_the_code_itself_in_the_mixture_nothing_exceeds_the_information(p: float) -> None:
    assert objective(p, own=True) == pytest.approx(truth(p).information, rel=1e-9)


def test_without_it_and_without_noise_more_is_claimed_than_comes_through() -> None:
    """Four images are two bits; seven other codes are 2.81, which is what there is to win."""
    known = truth(0.05)
    saturated = 20 * known.codes.expand(2, IMAGES, BITS)

    others = objective(0.05, own=False)
    mean_field = -float(mean_field_loss(saturated, 0.05)) / math.log(2)

    assert known.information == pytest.approx(1.963, abs=1e-3)
    assert others == pytest.approx(2.753, abs=1e-3)
    assert mean_field == pytest.approx(math.log2(7), abs=1e-3)


def test_relaxed_codes_at_zero_claim_more_than_the_capacity() -> None:
    """At p = 0.1 and 128 bits: 64 log 1/0.36 nats are 94.3 bits, the channel carries 68.0."""
    zero = torch.zeros(4, 128)
    terms = log_terms(zero, zero, torch.zeros(4, 128), 0.1)

    claimed = float((terms.posterior - terms.mixture).mean()) / math.log(2)

    assert claimed == pytest.approx(94.3, abs=0.1)
    assert channel.capacity(128, 0.1) == pytest.approx(68.0, abs=0.1)
