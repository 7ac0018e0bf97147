"""Colours for regions: neighbours differ for the eye, and the whole stays light and varied."""

from typing import Final

import numpy as np

from nachash.shapes import Float64, Int64

# Lightness and chroma in Oklab; hues are spread evenly, each ring turned against the one before.
_RINGS: Final = ((0.93, 0.05), (0.85, 0.09), (0.77, 0.11))
_HUES: Final = 10
_TRIED: Final = 6
# Oklab to linear sRGB. Source: Ottosson, "A perceptual color space for image processing", 2020.
_LAB_TO_LMS: Final = np.array(
    [
        [1, 0.3963377774, 0.2158037573],
        [1, -0.1055613458, -0.0638541728],
        [1, -0.0894841775, -1.2914855480],
    ]
)
_LMS_TO_RGB: Final = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def colours(count: int, neighbours: Int64[np.ndarray, "pairs 2"]) -> Float64[np.ndarray, "n 3"]:
    """A colour (sRGB, 0 to 1) for each region, as far as can be from those of its neighbours.

    One region after the other takes, of a few colours drawn at random, the one whose nearest
    neighbour's colour is farthest by distance in Oklab, where distances are those of the eye.
    """
    palette = _palette()
    apart = np.linalg.norm(palette[:, None] - palette[None], axis=2)
    beside: list[list[int]] = [[] for _ in range(count)]
    for one, other in neighbours.tolist():
        beside[one].append(other)
        beside[other].append(one)
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(palette), (count, _TRIED))
    taken = np.full(count, -1)
    for region in range(count):
        around = [taken[other] for other in beside[region] if taken[other] >= 0]
        tried = drawn[region]
        best = apart[np.ix_(tried, around)].min(axis=1).argmax() if around else 0
        taken[region] = tried[best]
    return _srgb(palette)[taken]


def _palette() -> Float64[np.ndarray, "n 3"]:
    """Light colours in Oklab."""
    rings = []
    for number, (lightness, chroma) in enumerate(_RINGS):
        hue = 2 * np.pi * (np.arange(_HUES) + number / len(_RINGS)) / _HUES
        light = np.full(_HUES, lightness)
        rings.append(np.column_stack([light, chroma * np.cos(hue), chroma * np.sin(hue)]))
    return np.concatenate(rings)


def _srgb(oklab: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
    linear = ((oklab @ _LAB_TO_LMS.T) ** 3 @ _LMS_TO_RGB.T).clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
