"""Which units are on, against inputs worked out by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from nachash.errors import UsageError
from nachash.paper.expressivity.activation_patterns import (
    ActivationPatterns,
    fit_normalisation,
    relu_layers,
    smooth_layers,
)
from nachash.paper.expressivity.toy import SHAPES, NoisyPoints, ToyEncoder, points

CPU = torch.device("cpu")


class Steps(nn.Module):
    """One ReLU module used twice, in place, a ReLU6, and activations that are their sum."""

    def __init__(self):
        super().__init__()
        self.twice = nn.ReLU(inplace=True)
        self.capped = nn.ReLU6(inplace=True)

    def forward(self, images):
        first = self.twice(images.clone())
        second = self.twice(first - 2)
        return SimpleNamespace(activations=self.capped(10 * second) - 1)


IMAGES = np.array([[-1.0], [1.0], [2.05], [3.0]], np.float32)
ON = {
    "twice": [[0, 0], [1, 0], [1, 1], [1, 1]],
    "capped": [[0, 0], [0, 0], [1, 0], [1, 1]],
    "all": [[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]],
    "code": [[0], [0], [0], [1]],
}


@pytest.mark.parametrize("layer", ON)
def test_units_are_on_above_their_bends(layer):
    assert ActivationPatterns(Steps(), layer, CPU)(IMAGES).astype(int).tolist() == ON[layer]


def test_an_unknown_layer_is_told_those_there_are():
    with pytest.raises(UsageError, match="no layer 'relu'; it has code, all, twice, capped"):
        ActivationPatterns(Steps(), "relu", CPU)


def test_a_network_without_relu_has_no_regions():
    with pytest.raises(UsageError, match="no ReLU layer"):
        ActivationPatterns(nn.Sequential(nn.Linear(2, 2), nn.GELU()), "code", CPU)


def test_layers_are_named_by_their_kind():
    network = nn.Sequential(nn.ReLU(), nn.Linear(2, 2), nn.GELU(), nn.Sequential(nn.ReLU6()))

    assert relu_layers(network) == ["0", "3.0"]
    assert smooth_layers(network) == ["GELU"]


def test_batch_norms_take_the_statistics_of_the_data():
    data = torch.randn(60, 3, generator=torch.Generator().manual_seed(0)) * 4 + 2
    network = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5))
    network[0].running_mean.fill_(9)

    fit_normalisation(network, list(data.split(20)))

    mean = [sum(column) / 60 for column in data.T.tolist()]
    np.testing.assert_allclose(network[0].running_mean.numpy(), mean, rtol=1e-5)
    variances = torch.stack([part.var(dim=0) for part in data.split(20)])
    torch.testing.assert_close(network[0].running_var, variances.mean(dim=0))
    assert not network[0].training
    assert network[0].momentum == 0.1


def test_linear_layers_of_a_toy_are_its_function():
    toy = ToyEncoder((5, 4), 3)
    inputs = torch.randn(10, 2, generator=torch.Generator().manual_seed(1))
    hidden = inputs.double().numpy()
    for weight, bias in toy.linear_layers():
        activations = hidden @ weight.T + bias
        hidden = np.maximum(activations, 0)

    found = toy(inputs)

    np.testing.assert_allclose(found.activations.detach().numpy(), activations, atol=1e-6)
    np.testing.assert_allclose(found.features.detach().numpy(), hidden, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_points_are_standardised_balanced_and_repeatable(shape):
    drawn = points(shape, 300, 4)

    np.testing.assert_allclose(drawn.points.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(drawn.points.std(axis=0), 1)
    assert np.bincount(drawn.classes).tolist() == [150, 150]
    np.testing.assert_array_equal(drawn.points, points(shape, 300, 4).points)
    assert not np.allclose(drawn.points, points(shape, 300, 5).points)


def test_views_are_noisy_copies_of_the_chosen_points():
    inputs = torch.arange(2000.0).view(1000, 2)
    positions = torch.arange(0, 1000, 2)

    views = NoisyPoints(inputs, 0.1)(positions, 2, torch.Generator().manual_seed(0))

    noise = views - inputs[positions]
    assert noise.shape == (2, 500, 2)
    assert float(noise.std()) == pytest.approx(0.1, rel=0.1)
    assert not torch.equal(noise[0], noise[1])
