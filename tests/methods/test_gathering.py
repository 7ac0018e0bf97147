"""Two processes, each with half of a batch, come to the loss and the state of one with all of it.

The processes are threads with a barrier, so that the halves truly come from two models.
"""

import copy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from test_methods import BATCH, batch, built
from torch import Tensor

from nachash.objective import Batch, Loss

CONTRASTIVE = [
    ("nac", {}),
    ("nac", {"posterior": "network"}),
    ("nac-mean-field", {}),
    ("nac-moco", {}),
    ("nac-moco", {"posterior": "network"}),
    ("simclr", {}),
    ("cibhash", {}),
    ("bi-half", {}),
    ("moco-v2", {}),
    ("moco-v2", {"symmetric": False}),
    ("insdis", {}),
    ("insdis", {"negatives": 5}),
]
STEPS = 3


class Exchange:
    """Joins what two threads give, as processes join their parts of a batch."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2, timeout=60)
        self.parts: list[Tensor] = [torch.empty(0)] * 2

    def gather(self, rank: int) -> Callable[..., Tensor]:
        def joined(part: Tensor, /, dim: int = 0) -> Tensor:
            self.parts[rank] = part
            self.barrier.wait()
            whole = torch.cat(self.parts, dim=dim)
            self.barrier.wait()
            return whole

        return joined


def half(whole: Batch, rank: int, seed: int, gather: Callable[..., Tensor]) -> Batch:
    rows = slice(rank * BATCH // 2, (rank + 1) * BATCH // 2)
    generator = torch.Generator().manual_seed(seed)
    return Batch(whole.views[:, rows], whole.positions[rows], generator, gather)


def moved(method: Any, gradients: list[dict[str, Tensor]]) -> None:
    """A step of gradient descent with the sum of the gradients of all processes."""
    with torch.no_grad():
        for name, weight in method.named_parameters():
            for gradient in gradients:
                if name in gradient:
                    weight -= 0.1 * gradient[name]


def gradients_of(method: Any) -> dict[str, Tensor]:
    named = method.named_parameters()
    return {name: weight.grad.clone() for name, weight in named if weight.grad is not None}


@pytest.mark.parametrize(("name", "settings"), CONTRASTIVE)
def test_two_halves_are_one_whole(name: str, settings: dict[str, Any]) -> None:
    alone = built(name, **settings)
    ranks = [copy.deepcopy(alone) for _ in range(2)]

    for step in range(STEPS):
        whole = batch(alone.views, step, first=step * BATCH)
        expected = alone(whole)
        losses = both_halves(ranks, whole, step)
        for loss in losses:
            assert loss.total.item() == pytest.approx(expected.total.item(), rel=1e-5, abs=1e-6)
        for method in (alone, *ranks):
            method.zero_grad()
        expected.total.backward()
        # Each process has the whole loss; the mean of both is what one process would learn from.
        torch.stack([loss.total for loss in losses]).mean().backward()
        gradients = [gradients_of(method) for method in ranks]
        moved(alone, [gradients_of(alone)])
        for method, loss in zip(ranks, losses, strict=True):
            moved(method, gradients)
            method.after_step(loss)
        alone.after_step(expected)

    states = [method.state_dict() for method in (*ranks, alone)]
    for key, tensor in states[0].items():
        assert torch.equal(tensor, states[1][key]), key
        torch.testing.assert_close(tensor, states[2][key], rtol=1e-4, atol=1e-5)


def both_halves(ranks: list[Any], whole: Batch, seed: int) -> list[Loss]:
    exchange = Exchange()

    def loss(rank: int) -> Loss:
        found: Loss = ranks[rank](half(whole, rank, seed, exchange.gather(rank)))
        return found

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(loss, range(2)))
