"""The loss of MoCo-v2 against its definition, written as sums over keys in plain Python."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from nachash.methods.moco_v2 import moco_loss


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def by_definition(queries: Tensor, keys: Tensor, queue: Tensor, temperature: float) -> float:
    def cosine(one: list[float], other: list[float]) -> float:
        product = sum(a * b for a, b in zip(one, other, strict=True))
        return product / math.sqrt(sum(a * a for a in one) * sum(b * b for b in other))

    total = 0.0
    for query, key in zip(queries.tolist(), keys.tolist(), strict=True):
        own = math.exp(cosine(query, key) / temperature)
        others = [math.exp(cosine(query, other) / temperature) for other in queue.tolist()]
        total -= math.log(own / (own + sum(others)))
    return total / len(queries)


def drawn(queries: int, queue: int, bits: int) -> tuple[Tensor, Tensor, Tensor]:
    rows = torch.randn(2 * queries + queue, bits, dtype=torch.float64, generator=seeded(queue))
    return rows[:queries], rows[queries : 2 * queries], rows[2 * queries :]


@pytest.mark.parametrize("temperature", [0.07, 0.2, 2.0])
@pytest.mark.parametrize(("queries", "queue", "bits"), [(1, 1, 3), (3, 7, 5), (6, 2, 16)])
def test_the_loss_is_its_definition(
    queries: int, queue: int, bits: int, temperature: float
) -> None:
    rows = drawn(queries, queue, bits)

    found = moco_loss(*rows, temperature)

    assert found.item() == pytest.approx(by_definition(*rows, temperature), rel=1e-12)


def test_gradients_are_the_differences_of_the_definition() -> None:
    queries, keys, queue = drawn(3, 4, 5)
    queries = queries.clone().requires_grad_()
    moco_loss(queries, keys, queue, 0.3).backward()

    step = 1e-5
    for place in np.ndindex(3, 5):
        change = torch.zeros(3, 5, dtype=torch.float64)
        change[place] = step
        higher, lower = (
            by_definition(queries.detach() + sign * change, keys, queue, 0.3) for sign in (1, -1)
        )
        assert queries.grad is not None
        slope = (higher - lower) / (2 * step)
        assert queries.grad[place].item() == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_an_empty_queue_gives_nothing_to_learn() -> None:
    queries, keys, queue = drawn(3, 0, 5)
    queries = queries.clone().requires_grad_()

    loss = moco_loss(queries, keys, queue, 0.2)
    loss.backward()

    assert loss.item() == 0.0
    assert queries.grad is not None
    assert queries.grad.abs().max().item() < 1e-15


@pytest.mark.parametrize("number", [torch.float32, torch.bfloat16])
def test_nothing_overflows(number: torch.dtype) -> None:
    queries, keys, queue = (1e4 * rows.to(number) for rows in drawn(8, 12, 16))
    queries.requires_grad_()

    loss = moco_loss(queries, keys, queue, 0.005)
    loss.backward()

    assert loss.isfinite()
    assert queries.grad is not None
    assert queries.grad.isfinite().all()
