"""CIBHash by loops over bits, and which gradient passes through the sign."""

import math

import pytest
import torch
from torch import Tensor

from nachash import plugins
from nachash.encoders.encoder import Head
from nachash.methods.cibhash import divergence, straight_through
from nachash.methods.simclr import nt_xent
from nachash.objective import Batch, Scale


def drawn(*shape: int, seed: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def kl(a: float, b: float) -> float:
    """Of one bit that is on with probability sigmoid(a) from one with sigmoid(b)."""
    p, q = 1 / (1 + math.exp(-a)), 1 / (1 + math.exp(-b))
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def test_the_divergence_is_the_sum_over_bits_and_moves_its_first_argument_alone() -> None:
    first, second = drawn(4, 3).requires_grad_(), drawn(4, 3, seed=4).requires_grad_()
    rows = zip(first.tolist(), second.tolist(), strict=True)
    expected = sum(sum(kl(*pair) for pair in zip(a, b, strict=True)) for a, b in rows) / 4

    found = divergence(first, second)
    found.backward()

    assert found.item() == pytest.approx(expected, rel=1e-12)
    assert first.grad is not None
    assert second.grad is None
    assert divergence(first, first).item() == 0


def test_codes_are_signs_and_their_gradient_is_that_of_the_probability() -> None:
    activations = drawn(5, 4).requires_grad_()

    codewords = straight_through(activations)
    (3 * codewords).sum().backward()

    p = activations.detach().sigmoid()
    torch.testing.assert_close(codewords.detach(), activations.detach().sign())
    torch.testing.assert_close(activations.grad, 3 * p * (1 - p))


def test_extreme_activations_stay_finite() -> None:
    activations = (1e4 * drawn(2, 6)).requires_grad_()

    divergence(activations, activations.flip(0)).backward()

    assert activations.grad is not None
    assert activations.grad.isfinite().all()


def test_the_objective_is_contrast_and_weighted_divergence() -> None:
    method = plugins.load("methods", "cibhash").method(
        Head(6, 4, "linear"), Scale(8, 8), temperature=0.4, weight=0.5
    )
    views = torch.randn(2, 8, 6, generator=torch.Generator().manual_seed(0))
    every = method.encoder(views.flatten(0, 1)).activations.view(2, 8, 4)

    loss = method(Batch(views, torch.arange(8), torch.Generator()))

    contrast = nt_xent(every.sign(), 0.4)
    both = (divergence(every[0], every[1]) + divergence(every[1], every[0])) / 2
    assert loss.total.item() == pytest.approx((contrast + 0.5 * both).item(), rel=1e-5)
