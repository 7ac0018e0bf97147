"""CroVCA: the cross entropy by loops, the coding rate by the eigenvalues of the Gram matrix."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from nachash import plugins
from nachash.encoders.encoder import Head
from nachash.errors import UsageError
from nachash.methods.crovca import alignment_loss, coding_rate
from nachash.objective import Batch, Scale


def drawn(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def cross_entropy(logits: list[list[float]], others: list[list[float]]) -> float:
    total, count = 0.0, 0
    for row, other in zip(logits, others, strict=True):
        for logit, opposite in zip(row, other, strict=True):
            on = 1 / (1 + math.exp(-logit))
            total -= math.log(on if opposite > 0 else 1 - on)
            count += 1
    return total / count


def test_alignment_is_the_cross_entropy_for_the_other_view_s_bits() -> None:
    activations = drawn(2, 5, 4)
    first, second = activations.tolist()
    expected = (cross_entropy(first, second) + cross_entropy(second, first)) / 2

    assert alignment_loss(activations).item() == pytest.approx(expected, rel=1e-12)
    assert torch.autograd.gradcheck(alignment_loss, activations.requires_grad_())


@pytest.mark.parametrize(("batch", "bits"), [(6, 4), (4, 6), (1, 3)])
def test_the_coding_rate_is_that_of_the_eigenvalues(batch: int, bits: int) -> None:
    rows, epsilon = drawn(batch, bits), 0.05
    unit = np.array([row / np.sqrt(row @ row) for row in rows.numpy()])
    gram = unit @ unit.T  # has the eigenvalues of V'V but for zeros
    eigenvalues = np.linalg.eigvalsh(gram)
    logarithm = sum(math.log(1 + bits / (batch * epsilon) * e) for e in eigenvalues)

    found = coding_rate(rows, epsilon)

    expected = logarithm / 2 * (bits + batch) / (bits * batch)
    assert found.item() == pytest.approx(expected, rel=1e-9)
    assert torch.autograd.gradcheck(lambda v: coding_rate(v, epsilon), rows.requires_grad_())


def test_spread_codes_have_a_higher_rate_than_collapsed_ones() -> None:
    spread = torch.eye(8, dtype=torch.float64)
    collapsed = torch.ones(8, 8, dtype=torch.float64)

    assert coding_rate(spread, 0.05) > 2 * coding_rate(collapsed, 0.05)


def test_the_loss_is_alignment_minus_the_weighted_mean_rate_of_both_views() -> None:
    torch.manual_seed(0)
    module = plugins.load("methods", "crovca")
    method = module.method(Head(6, 4, "scaled"), Scale(5, 5), diversity=0.3, epsilon=0.2)
    views = drawn(2, 5, 6).float()
    activations = method.encoder(views.flatten(0, 1)).activations.view(2, 5, 4)

    loss = method(Batch(views, torch.arange(5), torch.Generator()))

    rate = (coding_rate(activations[0], 0.2) + coding_rate(activations[1], 0.2)).item() / 2
    assert loss.parts["coding_rate"].item() == pytest.approx(rate, rel=1e-5)
    assert loss.total.item() == pytest.approx(
        alignment_loss(activations).item() - 0.3 * rate, rel=1e-5
    )


def test_impossible_settings_are_refused() -> None:
    for settings in ({"epsilon": 0.0}, {"diversity": -1.0}):
        with pytest.raises(UsageError):
            plugins.load("methods", "crovca").method(Head(6, 4), Scale(4, 2), **settings)
