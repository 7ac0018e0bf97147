"""Both losses of InsDis against their definitions, written as sums over rows in plain Python."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from nachash.methods.insdis import log_normaliser, nce_loss, softmax_loss

IMAGES, BITS, BATCH, NEGATIVES = 9, 5, 3, 4


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def unit(rows: int, seed: int) -> Tensor:
    return normalize(torch.randn(rows, BITS, dtype=torch.float64, generator=seeded(seed)), dim=1)


BANK, VECTORS = unit(IMAGES, 0), unit(BATCH, 1)
POSITIONS = torch.tensor([4, 0, 8])
NOISE = torch.randint(IMAGES, (BATCH, NEGATIVES), generator=seeded(2))


def exponential(vector: Tensor, row: Tensor, temperature: float) -> float:
    product = sum(a * b for a, b in zip(vector.tolist(), row.tolist(), strict=True))
    return math.exp(product / temperature)


def slow_softmax(vectors: Tensor, temperature: float) -> float:
    total = 0.0
    for vector, position in zip(vectors, POSITIONS.tolist(), strict=True):
        every = [exponential(vector, row, temperature) for row in BANK]
        total -= math.log(every[position] / sum(every))
    return total / len(vectors)


def slow_nce(vectors: Tensor, z: float, temperature: float) -> float:
    share = NEGATIVES / IMAGES
    total = 0.0
    for vector, position, noise in zip(vectors, POSITIONS.tolist(), NOISE.tolist(), strict=True):
        own = exponential(vector, BANK[position], temperature) / z
        total -= math.log(own / (own + share))
        for other in noise:
            chance = exponential(vector, BANK[other], temperature) / z
            total -= math.log(1 - chance / (chance + share))
    return total / len(vectors)


def slow_z(temperature: float) -> float:
    every = [
        exponential(vector, BANK[other], temperature)
        for vector, noise in zip(VECTORS, NOISE.tolist(), strict=True)
        for other in noise
    ]
    return IMAGES * sum(every) / len(every)


@pytest.mark.parametrize("temperature", [0.07, 0.1, 1.0])
def test_the_losses_are_their_definitions(temperature: float) -> None:
    log_z = log_normaliser(VECTORS, BANK, NOISE, temperature)
    whole = softmax_loss(VECTORS, BANK, POSITIONS, temperature)
    sampled = nce_loss(VECTORS, BANK, POSITIONS, NOISE, log_z, temperature)

    z = slow_z(temperature)
    assert log_z.item() == pytest.approx(math.log(z), rel=1e-12)
    assert whole.item() == pytest.approx(slow_softmax(VECTORS, temperature), rel=1e-12)
    assert sampled.item() == pytest.approx(slow_nce(VECTORS, z, temperature), rel=1e-12)


@pytest.mark.parametrize("form", ["whole", "sampled"])
def test_gradients_are_the_differences_of_the_definitions(form: str) -> None:
    def fast(vectors: Tensor) -> Tensor:
        if form == "whole":
            return softmax_loss(vectors, BANK, POSITIONS, 0.3)
        return nce_loss(vectors, BANK, POSITIONS, NOISE, torch.tensor(1.2).double(), 0.3)

    def slow(vectors: Tensor) -> float:
        return (
            slow_softmax(vectors, 0.3)
            if form == "whole"
            else slow_nce(vectors, math.exp(torch.tensor(1.2).item()), 0.3)
        )

    vectors = VECTORS.clone().requires_grad_()
    fast(vectors).backward()

    step = 1e-5
    for row in range(BATCH):
        for bit in range(BITS):
            change = torch.zeros_like(VECTORS)
            change[row, bit] = step
            slope = (slow(VECTORS + change) - slow(VECTORS - change)) / (2 * step)
            assert vectors.grad is not None
            assert vectors.grad[row, bit].item() == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_with_every_row_as_noise_the_normaliser_is_the_whole_sum() -> None:
    every = torch.arange(IMAGES).expand(1, IMAGES)

    found = log_normaliser(VECTORS[:1], BANK, every, 0.1).item()

    total = sum(exponential(VECTORS[0], row, 0.1) for row in BANK)
    assert found == pytest.approx(math.log(total), rel=1e-12)


def test_nothing_overflows() -> None:
    vectors = VECTORS.float().requires_grad_()
    bank = BANK.float()
    log_z = log_normaliser(vectors.detach(), bank, NOISE, 0.005)

    loss = nce_loss(vectors, bank, POSITIONS, NOISE, log_z, 0.005)
    (loss + softmax_loss(vectors, bank, POSITIONS, 0.005)).backward()

    assert loss.isfinite()
    assert vectors.grad is not None
    assert vectors.grad.isfinite().all()
