"""Bi-half: half of a batch by sorting, the loss by loops, the gradient of the authors' layer."""

import math

import pytest
import torch
from torch import Tensor

from nachash import plugins
from nachash.encoders.encoder import Head
from nachash.methods.bi_half import halves, pull, similarity_loss, straight_through
from nachash.objective import Batch, Scale


def drawn(*shape: int, seed: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / math.sqrt(sum(a * a for a in one) * sum(b * b for b in other))


@pytest.mark.parametrize("batch", [2, 5, 8])
def test_the_larger_half_of_every_bit_is_on(batch: int) -> None:
    activations = drawn(batch, 3)

    codewords = halves(activations)

    for column, bits in zip(activations.T.tolist(), codewords.T.tolist(), strict=True):
        largest = sorted(column, reverse=True)[: batch // 2]
        assert bits == [1.0 if value in largest else -1.0 for value in column]


@pytest.mark.parametrize("batch", [6, 7])
def test_the_loss_compares_the_cosines_of_pairs_across_the_halves(batch: int) -> None:
    codewords, features = drawn(batch, 4), drawn(batch, 5, seed=4)
    half = batch // 2
    b, x = codewords.tolist(), features.tolist()
    differences = [cosine(b[n], b[half + n]) - cosine(x[n], x[half + n]) for n in range(half)]

    found = similarity_loss(codewords, features)

    assert found.item() == pytest.approx(sum(d * d for d in differences) / half, rel=1e-12)


def test_the_gradient_is_that_of_the_codes_and_a_pull_towards_them() -> None:
    activations, weights = drawn(6, 4).requires_grad_(), drawn(6, 4, seed=5)

    codewords = straight_through(activations)
    ((weights * codewords).sum() + 6 * pull(activations)).backward()

    expected = weights + 6 * (activations.detach() - codewords.detach()) / 24
    torch.testing.assert_close(activations.grad, expected)


def test_the_objective_compares_codes_with_features_and_pulls() -> None:
    method = plugins.load("methods", "bi-half").method(Head(6, 4, "linear"), Scale(8, 8), gamma=2.0)
    views = torch.randn(1, 8, 6, generator=torch.Generator().manual_seed(0))

    loss = method(Batch(views, torch.arange(8), torch.Generator()))

    activations = method.encoder(views[0]).activations
    expected = similarity_loss(halves(activations), views[0]) + 2 * pull(activations)
    assert loss.total.item() == pytest.approx(expected.item(), rel=1e-5)


def test_codes_of_features_that_are_codes_are_found_again() -> None:
    """Of balanced codes as features nothing is left to improve."""
    codes = torch.tensor([[1.0, 1, -1, -1], [1, -1, 1, -1], [1, 1, 1, -1]]).T.double()

    assert similarity_loss(halves(codes[:, :2]), codes[:, :2]).item() == 0
