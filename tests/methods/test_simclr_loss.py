"""NT-Xent against its definition, written as sums over pairs in float64."""

import math

import pytest
import torch
from torch import Tensor

from nachash.methods.simclr import nt_xent


def by_definition(activations: Tensor, temperature: float) -> float:
    vectors = [v / math.sqrt(float(v @ v)) for view in activations for v in view]
    batch = len(vectors) // 2
    total = 0.0
    for i in range(2 * batch):
        terms = {
            k: math.exp(float(vectors[i] @ vectors[k]) / temperature)
            for k in range(2 * batch)
            if k != i
        }
        total -= math.log(terms[(i + batch) % (2 * batch)] / sum(terms.values()))
    return total / (2 * batch)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
@pytest.mark.parametrize(("batch", "bits"), [(1, 3), (2, 5), (7, 16)])
def test_the_loss_is_its_definition(batch: int, bits: int, temperature: float) -> None:
    generator = torch.Generator().manual_seed(batch)
    activations = torch.randn(2, batch, bits, dtype=torch.float64, generator=generator)

    found = float(nt_xent(activations, temperature))

    assert found == pytest.approx(by_definition(activations, temperature), rel=1e-12, abs=1e-12)


def test_the_gradient_is_that_of_the_loss() -> None:
    activations = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(lambda a: nt_xent(a, 0.3), activations)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nothing_overflows(dtype: torch.dtype) -> None:
    activations = (1e4 * torch.randn(2, 8, 16)).to(dtype).requires_grad_()

    loss = nt_xent(activations, 0.01)
    loss.backward()

    assert torch.isfinite(loss)
    assert torch.isfinite(activations.grad).all()


def test_length_and_order_of_images_do_not_matter() -> None:
    activations = torch.randn(2, 6, 8, dtype=torch.float64)
    order = torch.randperm(6)

    expected = nt_xent(activations, 0.5)

    assert torch.allclose(nt_xent(3 * activations, 0.5), expected)
    assert torch.allclose(nt_xent(activations[:, order], 0.5), expected)


def test_other_than_two_views_are_refused() -> None:
    with pytest.raises(ValueError, match="not 3"):
        nt_xent(torch.randn(3, 2, 4), 0.5)
