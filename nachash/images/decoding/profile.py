"""Colours as a picture's ICC profile means them, in sRGB, which encoders have learnt from."""

import functools
import io
from collections.abc import Callable
from typing import Final

from PIL import Image, ImageCms

_MOST: Final = 4 << 20  # bytes of a profile
_MODES: Final = {"RGB ": "RGB", "CMYK": "CMYK", "GRAY": "L"}


def to_srgb(image: Image.Image) -> Callable[[Image.Image], Image.Image] | None:
    """What converts bands of an image to sRGB; None where it is sRGB, or nobody knows better.

    Bands have to be of the mode of its profile: RGB, CMYK or L.
    """
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or not 0 < len(profile) <= _MOST:
        return None
    mode = "RGB" if image.mode in ("RGB", "RGBA", "RGBX", "P", "PA") else image.mode
    transform = _transform(profile, mode)
    return None if transform is None else functools.partial(_applied, transform)


@functools.lru_cache(32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The conversion of a profile; a broken one, and one of another mode, counts as none."""
    try:
        found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(found):
            return None
        if _MODES.get(found.profile.xcolor_space) != mode:
            return None
        srgb = ImageCms.createProfile("sRGB")
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        return ImageCms.buildTransform(found, srgb, mode, "RGB", intent)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _applied(transform: ImageCms.ImageCmsTransform, band: Image.Image) -> Image.Image:
    converted = ImageCms.applyTransform(band, transform)
    return band.convert("RGB") if converted is None else converted
