"""Linear regions of a ReLU network in the plane, exactly: polygons cut layer by layer.

A network of layers a = W h + b, h' = max(a, 0) is affine wherever no unit changes its sign. Inside
such a region the units of the next layer are affine functions of the point, so that each of them
cuts the region along a straight line: starting from a box, every polygon is cut by the lines of
the first layer, every piece by those of the second, and so on. All arithmetic is float64.

Source: Pascanu, Montufar, Bengio, "On the number of response regions of deep feed forward
networks with piece-wise linear activations", ICLR 2014, who count what is listed here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from nachash.shapes import Bool, Float64, Int64

# A line is taken to miss a polygon when it cuts off less than this share of the box's diagonal:
# vertices are known to about 1e-15 of it, and thinner slivers are not told from rounding.
_THINNEST: Final = 1e-10


class Layer(NamedTuple):
    """A linear layer; ReLU follows it, except that nothing need follow the last."""

    weight: Float64[np.ndarray, "outputs inputs"]
    bias: Float64[np.ndarray, "outputs"]


@dataclass(frozen=True, slots=True)
class Region:
    """A convex polygon in which no unit changes its sign.

    Attributes:
        polygon: its vertices in counter-clockwise order.
        pattern: for every unit of all layers, in their order, whether it is on (a > 0).
    """

    polygon: Float64[np.ndarray, "vertices 2"]
    pattern: Bool[np.ndarray, "units"]

    @property
    def area(self) -> float:
        """Area of the polygon, by the shoelace formula 1/2 sum (x_i y_i+1 - x_i+1 y_i)."""
        x, y = self.polygon.T
        return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def linear_regions(
    layers: Sequence[Layer], box: Float64[np.ndarray, "corners 2"]
) -> tuple[Region, ...]:
    """All regions of a network of the plane inside a box, which they fill without overlap.

    Args:
        layers: the network; the first layer has two inputs, the others as many as the one before
            has units.
        box: the lower left and the upper right corner.
    """
    (left, low), (right, high) = box
    whole = np.array([[left, low], [right, low], [right, high], [left, high]])
    thinnest = _THINNEST * float(np.hypot(right - left, high - low))
    pieces = [_Piece(whole, np.zeros(0, bool), np.eye(2), np.zeros(2))]
    for layer in layers:
        pieces = [part for piece in pieces for part in _cut(piece, layer, thinnest)]
    return tuple(Region(piece.polygon, piece.pattern) for piece in pieces)


class _Piece(NamedTuple):
    """A region of the layers so far, in which their output is `slope` x + `offset`."""

    polygon: Float64[np.ndarray, "vertices 2"]
    pattern: Bool[np.ndarray, "units"]
    slope: Float64[np.ndarray, "outputs 2"]
    offset: Float64[np.ndarray, "outputs"]


def _cut(piece: _Piece, layer: Layer, thinnest: float) -> Iterator[_Piece]:
    """The parts into which the lines of one more layer cut a region."""
    slope = layer.weight @ piece.slope
    offset = layer.weight @ piece.offset + layer.bias
    length = np.linalg.norm(slope, axis=1)
    # Divided by the length of its slope, a unit says how far from its line a point is.
    with np.errstate(divide="ignore", invalid="ignore"):
        lines = np.column_stack([slope, offset]) / length[:, None]
    crossing = length > 0
    waiting = [piece.polygon]
    while waiting:
        polygon = waiting.pop()
        distance = polygon @ lines[crossing, :2].T + lines[crossing, 2]
        cut = (distance.min(axis=0) < -thinnest) & (distance.max(axis=0) > thinnest)
        if cut.any():
            waiting += _halves(polygon, distance[:, cut.argmax()])
            continue
        on = slope @ polygon.mean(axis=0) + offset > 0
        pattern = np.concatenate([piece.pattern, on])
        yield _Piece(polygon, pattern, slope * on[:, None], offset * on)


def _halves(
    polygon: Float64[np.ndarray, "vertices 2"], distance: Float64[np.ndarray, "vertices"]
) -> tuple[Float64[np.ndarray, "n 2"], Float64[np.ndarray, "m 2"]]:
    """A convex polygon below and above a line, given the signed distance of its vertices."""
    ahead, distance_ahead = np.roll(polygon, -1, axis=0), np.roll(distance, -1)
    crossed = distance * distance_ahead < 0
    share = np.zeros_like(distance)
    share[crossed] = distance[crossed] / (distance - distance_ahead)[crossed]
    # Every vertex, followed by the point at which the edge that leaves it crosses the line.
    points = np.stack([polygon, polygon + share[:, None] * (ahead - polygon)], axis=1)
    below, above = np.stack([distance <= 0, crossed], 1), np.stack([distance >= 0, crossed], 1)
    return points[below], points[above]


def neighbours(patterns: Bool[np.ndarray, "n units"]) -> Int64[np.ndarray, "pairs 2"]:
    """Pairs of regions whose patterns differ in one unit: all that share a border are among them.

    A network is continuous, so that on the border that one unit's line makes, the others agree.
    (Two units whose lines coincide are the exception; random weights do not have them.)
    """
    place = {row.tobytes(): number for number, row in enumerate(patterns)}
    found = []
    for number, row in enumerate(patterns):
        for unit in np.flatnonzero(~row):
            other = row.copy()
            other[unit] = True
            if (twin := place.get(other.tobytes())) is not None:
                found.append((number, twin))
    return np.array(found, np.int64).reshape(-1, 2)
