"""Which part of one picture shows what another picture shows: a scale and an offset.

A coarse search correlates local contrast at a series of scales, all offsets at once by the
convolution theorem; then blocks say by how much each of them is off, and a line through their
shifts corrects scale and offset of both directions. Turned pictures are not found.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image

from nachash.images.second_look.blocks import best_shifts, block_means
from nachash.images.second_look.contrast import local_contrast
from nachash.images.second_look.view import COARSE, Box, View
from nachash.shapes import Bool, Float32

WHOLE: Final[Box] = (0.0, 0.0, 1.0, 1.0)
_SCALES: Final = np.geomspace(0.5, 2.0, 25)
_LEAST_OVERLAP: Final = 0.6  # of the smaller of the two
_LEAST_SIDE: Final = 12  # pixels
_STEPS: Final = (
    (192, 16, 3),
    (384, 32, 3),
    (384, 32, 2),
)  # long side, side of a block, reach of shifts
_GOOD: Final = 0.6  # correlation of a block whose shift is believed
_FEWEST: Final = 4  # blocks that a line goes through


def coarse_box(one: View, other: View) -> tuple[float, Box]:
    """The best correlation at all scales and offsets, and the part of `other` that `one` shows."""
    return max(_at_scales(one, other), default=(0.0, WHOLE))


def _at_scales(one: View, other: View) -> Iterator[tuple[float, Box]]:
    height, width = one.coarse.shape
    for scale in _SCALES:
        small = other.coarse_at(float(scale) * max(height, width) / COARSE)
        if min(small.shape) >= _LEAST_SIDE:
            score, down, right = _best_offset(one.coarse, small)
            rows, columns = small.shape
            box = (
                -right / columns,
                -down / rows,
                (width - right) / columns,
                (height - down) / rows,
            )
            yield score, box


def _best_offset(
    one: Float32[np.ndarray, "height width"], other: Float32[np.ndarray, "rows columns"]
) -> tuple[float, int, int]:
    """The correlation of `other` laid on `one` at its best place, and that place."""
    shape = [length + more for length, more in zip(one.shape, other.shape, strict=True)]
    together = np.fft.irfft2(np.fft.rfft2(one, shape) * np.fft.rfft2(other, shape).conj(), shape)
    sides = [_overlaps(length, more) for length, more in zip(one.shape, other.shape, strict=True)]
    overlap = np.outer(*sides)
    share = overlap / min(one.size, other.size)  # of the smaller: a copy shows all of one of them
    score = np.where(share >= _LEAST_OVERLAP, together / np.maximum(overlap, 1) * share**0.5, -1)
    at = np.unravel_index(int(score.argmax()), score.shape)
    energy = np.sqrt(np.mean(one**2) * np.mean(other**2) + 1e-6)
    down, right = (
        int(place) - (total if place >= length else 0)
        for place, total, length in zip(at, shape, one.shape, strict=True)
    )
    return float(score[at] / energy), down, right


def _overlaps(length: int, other: int) -> np.ndarray:
    """In how many places two lines overlap, for each offset of the other in the FFT's order."""
    offsets = np.arange(length + other)
    offsets[length:] -= length + other
    return np.clip(np.minimum(length, offsets + other) - np.maximum(0, offsets), 0, None)


def refined(one: View, other: View, box: Box) -> Box:
    """A box corrected by the shifts of blocks."""
    for side, block, reach in _STEPS:
        box = _corrected(one, other, box, side, block, reach)
    return box


def _corrected(one: View, other: View, box: Box, side: int, block: int, reach: int) -> Box:
    shape = _scaled(one.shape, side)
    own = np.asarray(one.grey.resize(shape[::-1], Image.Resampling.BILINEAR), np.float32)
    seen = np.asarray(other.part(box, shape).convert("L"), np.float32)
    found, shifts = best_shifts(
        local_contrast(own, radius=block // 4),
        local_contrast(seen, radius=block // 4),
        block,
        reach,
    )
    good = (found > _GOOD) & (block_means(within(box, shape).astype(np.float32), block) == 1)
    if good.sum() < _FEWEST:
        return box
    places = np.indices(good.shape)[:, good] * block + block / 2
    down = _line(places[0], shifts[good][:, 0])
    right = _line(places[1], shifts[good][:, 1])
    return _moved(box, shape, down, right)


def _scaled(shape: tuple[int, int], side: int) -> tuple[int, int]:
    ratio = side / max(shape)
    return max(1, round(shape[0] * ratio)), max(1, round(shape[1] * ratio))


def within(box: Box, shape: tuple[int, int]) -> Bool[np.ndarray, "height width"]:
    """Which pixels of a frame lie in the picture of which it shows a box."""
    left, top, right, bottom = box
    height, width = shape
    rows = top + (bottom - top) * (np.arange(height) + 0.5) / height
    columns = left + (right - left) * (np.arange(width) + 0.5) / width
    return np.outer((rows > 0) & (rows < 1), (columns > 0) & (columns < 1))


def _line(places: np.ndarray, shifts: np.ndarray) -> tuple[float, float]:
    """Slope and offset of a line through most of the points."""
    kept = np.ones(len(places), bool)
    slope = offset = 0.0
    for _ in range(3):
        if np.ptp(places[kept]) == 0:
            return 0.0, float(np.median(shifts[kept]))
        slope, offset = np.polyfit(places[kept], shifts[kept], 1)
        off = np.abs(shifts - (slope * places + offset))
        kept = off <= max(1.0, 2 * float(np.median(off[kept])))
    return float(slope), float(offset)


def _moved(
    box: Box, shape: tuple[int, int], down: tuple[float, float], right: tuple[float, float]
) -> Box:
    """A box of which each place is moved by what a line says of it."""
    left, top, end, bottom = box
    height, width = shape
    across, along = (end - left) / width, (bottom - top) / height
    return (
        left + right[1] * across,
        top + down[1] * along,
        end + (right[0] * width + right[1]) * across,
        bottom + (down[0] * height + down[1]) * along,
    )
