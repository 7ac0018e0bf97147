"""The plane through three inputs, with coordinates in which distances are those of the inputs."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from nachash.shapes import Float64

MARGIN: Final = 0.25  # of the triangle's extent, around it
_FLAT: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Plane:
    """An affine plane: `origin` + u `basis`[0] + v `basis`[1], the basis orthonormal.

    Attributes:
        corners: coordinates (u, v) of the three inputs; the first is (0, 0), the second (u, 0).
    """

    origin: Float64[np.ndarray, "*shape"]
    basis: Float64[np.ndarray, "2 *shape"]
    corners: Float64[np.ndarray, "3 2"]

    def at(self, coordinates: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n *shape"]:
        """The inputs at some coordinates."""
        return self.origin + np.tensordot(coordinates, self.basis, axes=1)

    def grid(self, side: int) -> Float64[np.ndarray, "side side 2"]:
        """Coordinates of `side` by `side` points around the triangle; rows go up in v.

        The points are the middles of equal square cells of a square window.
        """
        low, high = self.window()
        steps = (np.arange(side) + 0.5) / side
        u, v = np.meshgrid(*(low[axis] + steps * (high - low)[axis] for axis in (0, 1)))
        return np.stack([u, v], axis=-1)

    def window(self) -> tuple[Float64[np.ndarray, "2"], Float64[np.ndarray, "2"]]:
        """Lower left and upper right corner of the square around the triangle and its margin."""
        low, high = self.corners.min(axis=0), self.corners.max(axis=0)
        half = (high - low).max() * (0.5 + MARGIN)
        middle = (low + high) / 2
        return middle - half, middle + half


def plane_through(inputs: Float64[np.ndarray, "3 *shape"]) -> Plane:
    """The plane through three inputs, by Gram and Schmidt.

    Raises:
        ValueError: they lie on one line, within a millionth of their distance.
    """
    first, second = inputs[1] - inputs[0], inputs[2] - inputs[0]
    length = np.linalg.norm(first)
    if not length:
        raise ValueError("two of the inputs are equal")
    along = first / length
    shift = float((second * along).sum())
    rest = second - shift * along
    height = np.linalg.norm(rest)
    if height <= _FLAT * length:
        raise ValueError("the inputs lie on one line")
    corners = np.array([[0, 0], [length, 0], [shift, height]])
    return Plane(inputs[0], np.stack([along, rest / height]), corners)
