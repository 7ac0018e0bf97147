"""Local contrast: luminance less its mean nearby, divided by its deviation nearby.

It is the same for a picture that is brighter, darker, or has more contrast.
"""

from typing import Final

import numpy as np

from nachash.shapes import Float32

_NOISE: Final = 4.0  # of 255: a deviation that says nothing


def local_contrast(
    luminance: Float32[np.ndarray, "height width"], radius: int, noise: float = _NOISE
) -> Float32[np.ndarray, "height width"]:
    """Each value less the mean of the square around it, over the deviation there."""
    values = luminance.astype(np.float64)
    mean = _box_mean(values, radius)
    variance = np.maximum(_box_mean(values * values, radius) - mean * mean, 0)
    return ((values - mean) / np.sqrt(variance + noise**2)).astype(np.float32)


def _box_mean(values: np.ndarray, radius: int) -> np.ndarray:
    side = 2 * radius + 1
    padded = np.pad(values, ((radius + 1, radius), (radius + 1, radius)), mode="edge")
    total = padded.cumsum(0).cumsum(1)
    inside = total[side:, side:] - total[:-side, side:] - total[side:, :-side]
    return (inside + total[:-side, :-side]) / side**2
