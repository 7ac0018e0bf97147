"""SDC: quantiles by integration, its terms by loops, and the sum of them."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from nachash import plugins
from nachash.encoders.encoder import Encoded
from nachash.errors import UsageError
from nachash.methods.sdc import SDC, beta_quantiles, calibration_loss, quantisation_loss
from nachash.methods.simclr import nt_xent
from nachash.objective import Batch, Scale


def drawn(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def cosine(first: list[float], second: list[float]) -> float:
    inner = sum(a * b for a, b in zip(first, second, strict=True))
    return inner / math.sqrt(sum(a * a for a in first) * sum(b * b for b in second))


@pytest.mark.parametrize("shape", [1.0, 2.0, 5.0])
def test_quantiles_cut_off_equal_shares_of_the_beta_density(shape: float) -> None:
    grid = np.linspace(0, 1, 200_001)
    density = (grid * (1 - grid)) ** (shape - 1)
    area = np.concatenate(([0], np.cumsum((density[1:] + density[:-1]) / 2)))
    distribution = area / area[-1]

    found = beta_quantiles(9, shape).numpy()

    shares = np.interp((found + 1) / 2, grid, distribution)
    np.testing.assert_allclose(shares, (2 * np.arange(1, 10) - 1) / 18, atol=1e-6)


def test_the_calibration_follows_the_order_of_the_teacher() -> None:
    similarities, teacher, quantiles = drawn(6), drawn(6, seed=1), drawn(6, seed=2).sort().values
    order = sorted(range(6), key=lambda n: teacher[n].item())
    expected = sum(
        abs(similarities[n].item() - quantile)
        for n, quantile in zip(order, quantiles.tolist(), strict=True)
    )

    found = calibration_loss(similarities, teacher, quantiles)

    assert found.item() == pytest.approx(expected / 6, rel=1e-12)
    assert torch.autograd.gradcheck(
        lambda s: calibration_loss(s, teacher, quantiles), similarities.requires_grad_()
    )


def test_the_quantisation_is_the_angle_to_the_codeword() -> None:
    activations = drawn(5, 4)
    expected = [
        1 - cosine(row, [1.0 if a > 0 else -1.0 for a in row]) for row in activations.tolist()
    ]

    assert quantisation_loss(activations).item() == pytest.approx(sum(expected) / 5, rel=1e-12)
    assert torch.autograd.gradcheck(quantisation_loss, activations.requires_grad_())


class Given(torch.nn.Module):
    """An encoder that says what it was told."""

    features, bits = 5, 4

    def __init__(self, features: Tensor, activations: Tensor) -> None:
        super().__init__()
        self.said = Encoded(features, activations)

    def forward(self, views: Tensor) -> Encoded:
        return self.said

    def project(self, weight: Tensor, bias: Tensor) -> None:
        raise NotImplementedError


@pytest.mark.parametrize("least", [0.0, -1.0])
@pytest.mark.parametrize("images", [6, 7])
def test_the_loss_is_the_weighted_sum_over_pairs_of_both_views(images: int, least: float) -> None:
    features, activations = drawn(2, images, 5).float(), drawn(2, images, 4, seed=1).float()
    method = SDC(
        Given(features.flatten(0, 1), activations.flatten(0, 1)),
        shape=5.0, least=least, quantisation=0.5, contrast=2.0, temperature=0.3,
    )  # fmt: skip
    batch = Batch(torch.zeros(2, images, 1), torch.arange(images), torch.Generator().manual_seed(9))

    loss = method(batch)

    order = torch.randperm(images, generator=torch.Generator().manual_seed(9)).tolist()
    half = images // 2
    pairs = [(view, order[n], order[half + n]) for view in range(2) for n in range(half)]
    taught = [
        (cosine(features[v, i].tolist(), features[v, j].tolist()),
         cosine(activations[v, i].tolist(), activations[v, j].tolist()))
        for v, i, j in pairs
    ]  # fmt: skip
    taught.sort()
    quantiles = [max(q, least) for q in beta_quantiles(2 * half, 5.0).tolist()]
    calibration = sum(abs(s - q) for (_, s), q in zip(taught, quantiles, strict=True)) / len(pairs)
    assert loss.parts["calibration"].item() == pytest.approx(calibration, rel=1e-5)
    expected = (
        calibration
        + 0.5 * quantisation_loss(activations.flatten(0, 1)).item()
        + 2.0 * nt_xent(activations, 0.3).item()
    )
    assert loss.total.item() == pytest.approx(expected, rel=1e-5)


def test_an_impossible_shape_or_temperature_is_refused() -> None:
    encoder = Given(drawn(2, 5), drawn(2, 4))
    for settings in ({"shape": 0.0}, {"temperature": -0.3}):
        with pytest.raises(UsageError, match="must be positive"):
            plugins.load("methods", "sdc").method(encoder, Scale(4, 2), **settings)
