"""Every colour mode that Pillow knows, as RGB of 8 bits; transparency laid on white."""

import numpy as np
from PIL import Image

from nachash.shapes import Float64, UInt8

_ALPHA = {"LA", "PA", "RGBA", "RGBa"}
_WHITE_POINTS: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(("I;16", "I;16L", "I;16B", "I;16N", "I"), (65535.0,)),
    "F": (1.0, 255.0, 65535.0),
}


def rgb(image: Image.Image) -> Image.Image:
    """A loaded image as RGB of 8 bits a channel.

    16-bit grey is scaled to 8 bits, not clipped; 32-bit integers are taken as 16-bit values, and
    floats as going up to the first of 1, 255, 65535 that none exceeds (other ranges: see
    `eight_bits`). LAB is converted to sRGB by its colour profile.
    """
    if image.mode in _WHITE_POINTS:
        values = np.asarray(image, dtype=np.float64)
        return Image.fromarray(eight_bits(values, _WHITE_POINTS[image.mode])).convert("RGB")
    if image.mode in _ALPHA or "transparency" in image.info:
        return _on_white(image)
    if image.mode == "LAB":
        return _srgb(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def eight_bits(
    values: "Float64[np.ndarray, 'height width']", white_points: tuple[float, ...]
) -> "UInt8[np.ndarray, 'height width']":
    """Grey values scaled to 0..255 and rounded; those that are not finite count as 0.

    White is the first of the white points that no value exceeds. Where there is none, or a value
    is negative, the least value becomes 0 and the greatest 255.
    """
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    black, greatest = min(float(finite.min()), 0.0), float(finite.max())
    white = next((point for point in white_points if greatest <= point), None)
    if black < 0 or white is None:
        black, white = float(finite.min()), greatest
    return np.rint((finite - black) / ((white - black) or 1.0) * 255.0).astype(np.uint8)


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
