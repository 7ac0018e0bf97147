"""The second look itself: two pictures are laid on each other and compared block by block."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from nachash.images.second_look.alignment import WHOLE, coarse_box, refined, within
from nachash.images.second_look.blocks import best_shifts, block_means
from nachash.images.second_look.contrast import local_contrast
from nachash.images.second_look.view import SIDE, Box, View

_STRUCTURED: Final = 0.6  # root mean square of local contrast in a block
_AGREES: Final = 0.7  # correlation of two blocks
_AGREES_CERTAINLY: Final = 0.85  # of two that show much: other words on the same lines have 0.75
_ENOUGH: Final = 0.8  # share of structured blocks that agree
_CONFLICT: Final = 0.06  # share of blocks in which both show something, and not the same
_STRONG: Final = 0.85  # the same where a block shows something for certain
_COARSE: Final = 0.12  # correlation below which no part of one is looked for in the other
_OVERLAP: Final = 0.6  # share of the smaller picture that the other shows
_OUTSIDE: Final = 0.58  # share of what the larger shows that a cut may leave out
_FEWEST: Final = 8  # structured blocks, for structure to say anything
_COLOURFUL: Final = 6.0  # mean chroma, of 128
_SAME_COLOURS: Final = 0.95  # mean cosine between hues
_NEAR: Final = 6.0  # mean difference of smooth pictures, of 255
_SMOOTH_SIDE: Final = 16
_TINY: Final = 64  # pixels of the shorter side
_TINY_AGREES: Final = 0.9  # correlation of tiny pictures at a few pixels
_SMALLEST: Final = 192  # pixels; smaller pictures are enlarged
_PLAIN: Final = 0.25  # weight of a block without structure


@dataclass(frozen=True, slots=True)
class _Scale:
    """At which pictures are compared: long side, block and radius in pixels, noise of 255."""

    side: int
    block: int
    radius: int
    noise: float


_FINE: Final = _Scale(SIDE, block=24, radius=8, noise=4.0)
_SMOOTH: Final = _Scale(96, block=12, radius=12, noise=1.5)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two pictures agree where both show the same: of blocks, of the smaller, of hues.

    `outside` is the share of what the larger shows that the smaller does not. Shares are 0 to 1,
    the cosine between hues is -1 to 1.
    """

    share: float
    overlap: float
    colours: float
    conflict: float
    outside: float

    @property
    def same(self) -> bool:
        """Whether they are one picture."""
        return (
            self.share >= _ENOUGH
            and self.overlap >= _OVERLAP
            and self.colours >= _SAME_COLOURS
            and self.conflict <= _CONFLICT
            and self.outside <= _OUTSIDE
        )


ALIKE: Final = Agreement(1.0, 1.0, 1.0, 0.0, 0.0)
_NONE: Final = Agreement(0.0, 0.0, 0.0, 1.0, 1.0)


def compare(one: View, other: View) -> Agreement:
    """How far two pictures agree, the whole of them or the part that both show.

    No part of a tiny picture is looked for: there are collections of many, all much alike.
    """
    tiny = max(min(one.shape), min(other.shape)) < _TINY
    if _similar_sides(one, other) and not (tiny and _correlation(one, other) < _TINY_AGREES):
        whole = _agreement(one, other, WHOLE)
        if whole.same:
            return whole
    if tiny:
        return _NONE
    score, box = coarse_box(one, other)
    if score < _COARSE:
        return _NONE
    box = refined(one, other, box)
    if _area(box) > 1:
        return _agreement(other, one, _inverse(box))
    return _agreement(one, other, box)


def _area(box: Box) -> float:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def _inverse(box: Box) -> Box:
    """Which part of the first picture the whole second one shows."""
    left, top, right, bottom = box
    across, down = right - left, bottom - top
    return -left / across, -top / down, (1 - left) / across, (1 - top) / down


def _correlation(one: View, other: View) -> float:
    """Of the whole pictures at a few pixels; 1 where one of them is plain."""
    plain = not (one.few_pixels.any() and other.few_pixels.any())
    return 1.0 if plain else float(one.few_pixels @ other.few_pixels)


def _similar_sides(one: View, other: View) -> bool:
    ratio = one.shape[0] * other.shape[1] / (one.shape[1] * other.shape[0])
    return abs(ratio - 1) < 0.03


def _agreement(one: View, other: View, box: Box) -> Agreement:
    """At the finest of the scales at which they show any structure."""
    for scale in _FINE, _SMOOTH:
        if found := _at_scale(one, other, box, scale):
            return found
    return _plain(one, other) if box == WHOLE else _NONE


def _at_scale(one: View, other: View, box: Box, scale: _Scale) -> Agreement | None:
    """How they agree at one scale; None where there is too little to see."""
    own, seen = _pictures(one, other, box, scale)
    values = [np.asarray(each.convert("L"), np.float32) for each in (own, seen)]
    inside = block_means(within(box, values[0].shape).astype(np.float32), scale.block) == 1
    first, second = (local_contrast(each, scale.radius, scale.noise) for each in values)
    own_strength, strength = (
        np.sqrt(block_means(each**2, scale.block)) for each in (first, second)
    )
    strengths = own_strength[inside], strength[inside]
    structured = np.maximum(*strengths) > _STRUCTURED
    if structured.sum() < _FEWEST:
        return None
    correlations = best_shifts(first, second, scale.block, reach=1)[0][inside]
    plain = ~structured & _equally_bright(
        *(block_means(each, scale.block)[inside] for each in values)
    )
    certain = np.minimum(*strengths) > _STRONG
    agrees = correlations >= np.where(certain, _AGREES_CERTAINLY, _AGREES)
    agreeing = agrees[structured].sum() + _PLAIN * plain.sum()
    shown = own_strength > _STRUCTURED
    return Agreement(
        share=float(agreeing / (structured.sum() + _PLAIN * plain.sum())),
        overlap=_overlap(box),
        colours=_colours(own, seen, inside, scale.block),
        conflict=float((certain & (correlations < 0.5)).mean()),
        outside=float((shown & ~inside).sum() / max(1, shown.sum())),
    )


def _pictures(one: View, other: View, box: Box, scale: _Scale) -> tuple[Image.Image, Image.Image]:
    """The first picture, and what the second shows of the same, as fine as both are."""
    finest = max(one.shape) * min(1.0, (box[2] - box[0]) * other.shape[1] / one.shape[1])
    ratio = min(scale.side, max(finest, _SMALLEST)) / max(one.shape)
    height, width = (max(1, round(side * ratio)) for side in one.shape)
    own = one.image.resize((width, height), Image.Resampling.BILINEAR)
    return own, other.part(box, (height, width))


def _equally_bright(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Which blocks are as bright as brightness and contrast of the whole let expect."""
    if np.ptp(one) == 0:
        return np.abs(other - other.mean()) < _NEAR
    gain, offset = np.polyfit(one, other, 1)
    return np.abs(gain * one + offset - other) < 2 * _NEAR


def _overlap(box: Box) -> float:
    """The share that both show of the picture of which they show more."""
    left, top, right, bottom = box
    across = max(0.0, min(1.0, right) - max(0.0, left))
    down = max(0.0, min(1.0, bottom) - max(0.0, top))
    shown = across * down
    return max(shown, shown / _area(box))


def _colours(one: Image.Image, other: Image.Image, inside: np.ndarray, block: int) -> float:
    """The mean cosine between hues, weighted by chroma; 1 where one of them is grey."""
    chroma = []
    for image in (one, other):
        values = np.asarray(image.convert("YCbCr"), np.float32)[..., 1:] - 128
        means = [block_means(values[..., plane], block)[inside] for plane in (0, 1)]
        chroma.append(np.stack(means))
    if min(float(np.sqrt((each**2).sum(0).mean())) for each in chroma) < _COLOURFUL:
        return 1.0
    first, second = chroma
    weights = np.sqrt((first**2).sum(0) * (second**2).sum(0))
    return float((first * second).sum() / weights.sum())


def _plain(one: View, other: View) -> Agreement:
    """Whether the colours of pictures without any structure, such as a sky, are nearly equal."""
    small = [
        np.asarray(
            each.image.resize((_SMOOTH_SIDE, _SMOOTH_SIDE), Image.Resampling.BOX), np.float32
        )
        for each in (one, other)
    ]
    off = float(np.abs(small[0] - small[1]).mean())
    return ALIKE if off < _NEAR else _NONE
