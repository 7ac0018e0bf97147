"""Every colour mode that Pillow knows, as RGB of 8 bits; transparency laid on white."""

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from PIL import Image

from nachash.images.decoding.profile import to_srgb
from nachash.shapes import Float64, UInt8

_ALPHA = {"LA", "PA", "RGBA", "RGBa"}
_WHITE_POINTS: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(("I;16", "I;16L", "I;16B", "I;16N", "I"), (65535.0,)),
    "F": (1.0, 255.0, 65535.0),
}
_AT_ONCE: Final = 1 << 20  # values

Span = tuple[int, int, int, int]  # left, top, right, bottom


def rgb(image: Image.Image) -> Image.Image:
    """A loaded image as RGB of 8 bits a channel.

    16-bit grey is scaled to 8 bits, not clipped; 32-bit integers are taken as 16-bit values, and
    floats as going up to the first of 1, 255, 65535 that none exceeds (other ranges: see
    `eight_bits`). LAB and the colours of an ICC profile become those of sRGB.
    """
    return converter(image, (0, 0, *image.size))(image)


def converter(image: Image.Image, part: Span) -> Callable[[Image.Image], Image.Image]:
    """What makes RGB of any band of a part of a loaded image, as `rgb` makes it of the part."""
    plain, srgb = _converter(image, part), to_srgb(image)
    if srgb is None:
        return plain
    if image.mode in ("L", "CMYK"):
        return srgb
    return lambda band: srgb(plain(band))


def _converter(image: Image.Image, part: Span) -> Callable[[Image.Image], Image.Image]:
    if image.mode in _WHITE_POINTS:
        return partial(_scaled, levels=_levels_of(image, part))
    if image.mode in _ALPHA or "transparency" in image.info:
        return _on_white
    if image.mode == "LAB":
        return _srgb
    return lambda band: band if band.mode == "RGB" else band.convert("RGB")


def eight_bits(
    values: "Float64[np.ndarray, 'height width']", white_points: tuple[float, ...]
) -> "UInt8[np.ndarray, 'height width']":
    """Grey values scaled to 0..255 and rounded; those that are not finite count as 0.

    White is the first of the white points that no value exceeds. Where there is none, or a value
    is negative, the least value becomes 0 and the greatest 255.
    """
    finite = _finite(values)
    return _between(finite, *_levels(float(finite.min()), float(finite.max()), white_points))


def _scaled(band: Image.Image, levels: tuple[float, float]) -> Image.Image:
    grey = Image.new("L", band.size)
    rows = max(1, _AT_ONCE // band.width)
    for top in range(0, band.height, rows):
        some = band.crop((0, top, band.width, min(top + rows, band.height)))
        values = _finite(np.asarray(some, dtype=np.float64))
        grey.paste(Image.fromarray(_between(values, *levels)), (0, top))
    return grey.convert("RGB")


def _levels_of(image: Image.Image, part: Span) -> tuple[float, float]:
    left, top, right, bottom = part
    rows = max(1, _AT_ONCE // max(1, right - left))
    least, greatest = float("inf"), float("-inf")
    for start in range(top, bottom, rows):
        band = image.crop((left, start, right, min(start + rows, bottom)))
        values = _finite(np.asarray(band, dtype=np.float64))
        least, greatest = min(least, float(values.min())), max(greatest, float(values.max()))
    return _levels(least, greatest, _WHITE_POINTS[image.mode])


def _finite(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)


def _levels(least: float, greatest: float, white_points: tuple[float, ...]) -> tuple[float, float]:
    """Which values become 0 and 255."""
    white = next((point for point in white_points if greatest <= point), None)
    if least < 0 or white is None:
        return least, greatest
    return 0.0, white


def _between(values: np.ndarray, black: float, white: float) -> np.ndarray:
    return np.rint((values - black) / ((white - black) or 1.0) * 255.0).astype(np.uint8)


def _on_white(image: Image.Image) -> Image.Image:
    colours = image.convert("RGBA")
    white = Image.new("RGB", colours.size, "white")
    white.paste(colours, mask=colours)
    return white


def _srgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
    converted = ImageCms.applyTransform(image, transform)
    if converted is None:
        raise ValueError("no colour transform for LAB")
    return converted
