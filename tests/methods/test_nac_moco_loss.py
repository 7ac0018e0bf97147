"""The loss of NAC with momentum against its definition, written with sums over codewords."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nachash import channel
from nachash.methods._information_bound import log_terms
from nachash.methods.nac_moco import Guesses, nac_moco_loss

Row = list[float]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bit_probability(received: float, sent: float, p: float) -> float:
    """P(c~_d | c_d) of one bit, continued to relaxed values between -1 and +1."""
    return (1 - p) ** ((1 + received * sent) / 2) * p ** ((1 - received * sent) / 2)


def likelihood(received: Row, sent: Row, p: float) -> float:
    pairs = zip(received, sent, strict=True)
    return math.prod(bit_probability(one, other, p) for one, other in pairs)


def posterior(received: Row, logits: Row) -> float:
    product = 1.0
    for value, logit in zip(received, logits, strict=True):
        on = 1 / (1 + math.exp(-logit))
        product *= on ** ((1 + value) / 2) * (1 - on) ** ((1 - value) / 2)
    return product


class Case:
    """Two views of some images, keys, a queue, guesses and the noise of a seed."""

    def __init__(self, batch: int, bits: int, queue: int, p: float, *, guessing: bool) -> None:
        generator = seeded(bits)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, dtype=torch.float64, generator=generator)

        self.batch, self.p = batch, p
        self.activations = normal(2, batch, bits)
        self.keys = normal(2, batch, bits).tanh()
        self.queue = normal(queue, bits).tanh()
        self.momentum, self.learning = normal(2, 2, batch, bits)
        self.guessing = guessing
        ones = torch.ones(2 * batch, bits)
        generator = seeded(5)
        self.flips = channel.transmit(ones, p, generator).tolist()
        self.fresh_flips = channel.transmit(ones, p, generator).tolist()

    def loss(self, activations: Tensor, learning: Tensor, l2: float) -> Any:
        guesses = Guesses(self.momentum, learning) if self.guessing else None
        return nac_moco_loss(
            activations,
            self.keys,
            self.queue,
            guesses,
            flip_probability=self.p,
            l2=l2,
            generator=seeded(5),
        )

    def twin(self, rows: Tensor, place: int) -> Row:
        """Of the other view of the image of a place."""
        view, image = divmod(place, self.batch)
        return rows[1 - view, image].tolist()

    def noisy(self, activations: Tensor, flips: list[Row]) -> list[Row]:
        return [
            [math.tanh(a) * flip for a, flip in zip(row, signs, strict=True)]
            for row, signs in zip(activations.flatten(0, 1).tolist(), flips, strict=True)
        ]

    def total(self, activations: Tensor, l2: float) -> float:
        """Without the term of the learning networks."""
        sample = [*self.keys.flatten(0, 1).tolist(), *self.queue.tolist()]
        total = 0.0
        for place, row in enumerate(self.noisy(activations, self.flips)):
            mixture = sum(likelihood(row, sent, self.p) for sent in sample) / len(sample)
            explained = (
                posterior(row, self.twin(self.momentum, place))
                if self.guessing
                else likelihood(row, self.twin(self.keys, place), self.p)
            )
            total += math.log(mixture) - math.log(explained) + l2 * sum(z * z for z in row)
        return total / (2 * self.batch)

    def learning_term(self, activations: Tensor, learning: Tensor) -> float:
        rows = self.noisy(activations, self.flips)
        return -sum(
            math.log(posterior(row, self.twin(learning, place))) for place, row in enumerate(rows)
        ) / len(rows)

    def information(self) -> float:
        def hard(rows: Tensor) -> list[Row]:
            return [[1.0 if a > 0 else -1.0 for a in row] for row in rows.tolist()]

        own = hard(self.activations.flatten(0, 1))
        sample = [*own, *hard(self.queue)]
        words = [
            [bit * flip for bit, flip in zip(row, flips, strict=True)]
            for row, flips in zip(own, self.fresh_flips, strict=True)
        ]
        twins = [own[(place + self.batch) % len(own)] for place in range(len(own))]
        differing = float(np.mean(np.array(words) != np.array(twins)))
        total = 0.0
        for place, received in enumerate(words):
            explained = (
                posterior(received, self.twin(self.momentum, place))
                if self.guessing
                else likelihood(received, twins[place], differing)
            )
            mixture = sum(likelihood(received, sent, self.p) for sent in sample) / len(sample)
            total += math.log2(explained / mixture)
        most = min(channel.capacity(len(own[0]), self.p), math.log2(len(sample)))
        return min(total / len(own), most)


CASES = [(1, 1, 1), (3, 4, 5), (2, 16, 9), (4, 6, 0)]
guessing = pytest.mark.parametrize("guessing", [False, True])


@guessing
@pytest.mark.parametrize("p", [0.05, 0.34, 0.45])
@pytest.mark.parametrize(("batch", "bits", "queue"), CASES)
def test_the_loss_is_its_definition(
    batch: int, bits: int, queue: int, p: float, guessing: bool
) -> None:
    case = Case(batch, bits, queue, p, guessing=guessing)

    loss = case.loss(case.activations, case.learning, l2=0.1)

    expected = case.total(case.activations, l2=0.1)
    if guessing:
        expected += case.learning_term(case.activations, case.learning)
    assert loss.total.item() == pytest.approx(expected, rel=1e-11)
    assert loss.mutual_information.item() == pytest.approx(case.information(), rel=1e-6)
    bound = (loss.inference + loss.mixture).item()
    assert bound == pytest.approx(case.total(case.activations, l2=0.0), rel=1e-11, abs=1e-12)


@guessing
def test_gradients_are_the_differences_of_the_definition(guessing: bool) -> None:
    case = Case(2, 3, 4, 0.3, guessing=guessing)
    activations = case.activations.clone().requires_grad_()
    learning = case.learning.clone().requires_grad_()
    case.loss(activations, learning, l2=0.2).total.backward()

    assert activations.grad is not None
    for place in np.ndindex(*activations.shape):
        change = torch.zeros_like(case.activations)
        change[place] = 1e-5
        # What the learning networks learn does not reach the activations.
        slope = case.total(case.activations + change, 0.2) - case.total(
            case.activations - change, 0.2
        )
        assert activations.grad[place].item() == pytest.approx(slope / 2e-5, rel=1e-5, abs=1e-8)
        if guessing:
            assert learning.grad is not None
            slope = case.learning_term(case.activations, case.learning + change)
            slope -= case.learning_term(case.activations, case.learning - change)
            assert learning.grad[place].item() == pytest.approx(slope / 2e-5, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("p", [0.1, 0.4])
@pytest.mark.parametrize("bits", [1, 4, 7])
def test_posterior_and_mixture_are_distributions_over_all_words(bits: int, p: float) -> None:
    """The momentum branch of the public code, which divides by L/2, gives other sums than one."""
    words = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=bits)), dtype=torch.float64)
    codes = torch.where(torch.rand(6, bits, generator=seeded(bits)) > 0.5, 1.0, -1.0).double()
    logits = torch.randn(1, bits, dtype=torch.float64, generator=seeded(1)).expand_as(words)

    guessed = log_terms(words, codes, logits, p)
    sent = log_terms(words, codes, torch.full((len(words),), 2), p)

    for logarithms in (guessed.posterior, guessed.mixture, sent.posterior, sent.mixture):
        assert logarithms.exp().sum().item() == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("number", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("magnitude", [0.0, 1e4])
def test_extreme_activations_stay_finite(number: torch.dtype, magnitude: float) -> None:
    signs = torch.randn(2, 8, 64, generator=seeded(0)).sign().to(number)
    activations = (signs * magnitude).requires_grad_()
    logits = signs.roll(1, dims=1) * magnitude

    loss = nac_moco_loss(
        activations,
        signs.roll(2, dims=1),
        signs[0].float(),
        Guesses(logits, logits),
        flip_probability=0.499,
        l2=0.1,
        generator=seeded(0),
    )
    loss.total.backward()

    assert all(torch.isfinite(term) for term in loss)
    assert activations.grad is not None
    assert activations.grad.isfinite().all()
