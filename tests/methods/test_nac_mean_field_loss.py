"""Mean-field NAC against NT-Xent on unnormalised tanh, and against NAC with nothing drawn."""

import math

import pytest
import torch
from torch import Tensor

from nachash.methods.nac import nac_loss
from nachash.methods.nac_mean_field import mean_field_loss

BATCH, BITS = 5, 8


def drawn(seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    activations = torch.randn(2, BATCH, BITS, dtype=torch.float64, generator=generator)
    return activations.requires_grad_()


def nt_xent(rows: Tensor, temperature: float) -> Tensor:
    """Equation 1 of SimCLR, without its normalisation, one row after the other."""
    total = torch.zeros((), dtype=rows.dtype)
    for row in range(2 * BATCH):
        others = [column for column in range(2 * BATCH) if column != row]
        similar = rows[row] @ rows[others].T / temperature
        positive = rows[row] @ rows[(row + BATCH) % (2 * BATCH)] / temperature
        total = total + similar.logsumexp(0) - positive
    return total / (2 * BATCH)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.45])
def test_it_is_nt_xent_on_tanh_without_normalisation(p: float) -> None:
    ours, theirs = drawn(), drawn()
    temperature = 1 / (BITS * math.log((1 - p) / p) / 2 * (1 - 2 * p))

    loss = mean_field_loss(ours, p)
    expected = nt_xent((theirs.tanh() / BITS**0.5).flatten(0, 1), temperature)
    loss.backward()
    expected.backward()

    # The constant is the number of other codes, over which NT-Xent sums and we average.
    assert loss.item() == pytest.approx(expected.item() - math.log(2 * BATCH - 1), abs=1e-12)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("own", [True, False])
def test_it_is_nac_with_nothing_drawn(own: bool) -> None:
    activations = drawn()

    drawn_none = nac_loss(
        activations, None, flip_probability=0.3, generator=torch.Generator(), own=own, sampled=0.0
    )

    assert mean_field_loss(activations, 0.3, own=own).item() == pytest.approx(
        drawn_none.total.item(), rel=1e-12
    )


def test_half_precision_is_computed_in_single() -> None:
    activations = drawn().detach()

    half = mean_field_loss(activations.bfloat16(), 0.3)

    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(mean_field_loss(activations, 0.3).item(), abs=0.1)
