"""The toy of the poster: points of two classes in the plane, and a small ReLU encoder of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from nachash.paper.expressivity.linear_regions import Layer
from nachash.shapes import Float, Float32, Float64, Int64

_MOONS_NOISE: Final = 0.1
_CIRCLES_NOISE: Final = 0.05
_SPIRAL_NOISE: Final = 0.025
_TURNS: Final = 1.5  # of each arm of the spiral


class Points(NamedTuple):
    """Points with mean 0 and standard deviation 1 along both axes, and their class, 0 or 1."""

    points: Float64[np.ndarray, "n 2"]
    classes: Int64[np.ndarray, "n"]


class Encoded(NamedTuple):
    """What the toy says of points: its last layer after ReLU, and before."""

    features: Float[Tensor, "batch features"]
    activations: Float[Tensor, "batch bits"]


class ToyEncoder(nn.Module):
    """A ReLU network of points in the plane, as the poster defines it.

    a^l = W^l h^(l-1) + b^l, h^l = ReLU(a^l); the activation code is the sign of the last layer's
    a^L, and its h^L are the features. Initial weights are torch's.
    """

    def __init__(self, widths: Sequence[int], bits: int) -> None:
        super().__init__()
        sizes = (2, *widths, bits)
        self.layers = nn.ModuleList(nn.Linear(*size) for size in pairwise(sizes))
        self.features = self.bits = bits

    def forward(self, points: Float[Tensor, "batch 2"]) -> Encoded:
        """Features and activations of points."""
        hidden = activations = points
        for layer in self.layers:
            activations = layer(hidden)
            hidden = torch.relu(activations)
        return Encoded(hidden, activations)

    def linear_layers(self) -> tuple[Layer, ...]:
        """Weights and biases in float64, for `linear_regions`."""
        return tuple(Layer(_exact(layer, "weight"), _exact(layer, "bias")) for layer in self.layers)


@dataclass(frozen=True, slots=True)
class NoisyPoints:
    """Views of points: each with Gaussian noise of its own, of standard deviation `spread`."""

    points: Float32[Tensor, "n 2"]
    spread: float

    def __call__(
        self, positions: Int64[Tensor, "batch"], count: int, generator: torch.Generator
    ) -> Float[Tensor, "views batch 2"]:
        """`count` views of the points at some positions."""
        chosen = self.points[positions].expand(count, -1, -1)
        return chosen + self.spread * torch.randn(chosen.shape, generator=generator)


def _moons(count: int, rng: np.random.RandomState) -> Points:
    from sklearn.datasets import make_moons

    return Points(*make_moons(count, noise=_MOONS_NOISE, random_state=rng))


def _circles(count: int, rng: np.random.RandomState) -> Points:
    from sklearn.datasets import make_circles

    return Points(*make_circles(count, noise=_CIRCLES_NOISE, factor=0.5, random_state=rng))


def _spiral(count: int, rng: np.random.RandomState) -> Points:
    """Two arms r = t, angle 2 pi turns t, half a turn apart; t is spread evenly over the area."""
    classes = np.arange(count) % 2
    radius = np.sqrt(rng.uniform(0.05, 1, count))
    angle = 2 * np.pi * _TURNS * radius + np.pi * classes
    points = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return Points(points + rng.normal(0, _SPIRAL_NOISE, points.shape), classes)


SHAPES: Final[Mapping[str, Callable[[int, np.random.RandomState], Points]]] = {
    "moons": _moons,
    "circles": _circles,
    "spiral": _spiral,
}


def points(shape: str, count: int, seed: int) -> Points:
    """Points of two classes in one of SHAPES: scikit-learn's moons and circles, or a spiral."""
    drawn = SHAPES[shape](count, np.random.RandomState(seed))
    centred = drawn.points - drawn.points.mean(axis=0)
    return Points(centred / centred.std(axis=0), drawn.classes.astype(np.int64))


def _exact(layer: nn.Module, name: str) -> Float64[np.ndarray, "*shape"]:
    return layer.get_parameter(name).detach().double().numpy()
