"""What the header of a picture says that matters to somebody who keeps one of several copies."""

import io
from typing import Any, Final, NamedTuple

from PIL import Image

from nachash.images.decoding.apart import Apart
from nachash.images.decoding.decode import orientation

_SIDEWAYS: Final = (5, 6, 7, 8)
_ORIENTATION: Final = 0x0112  # which Pillow heeds in a TIFF by itself
_CAMERA: Final = (0x010F, 0x0110)  # EXIF's maker and model
_DETAILS, _TAKEN = 0x8769, 0x9003
_FILM: Final = (b"MotionPhoto", b"MicroVideo")
_SAMSUNG_FILM: Final = b"MotionPhoto_Data"
_FILM_BOX: Final = b"mpvd"


class Header(NamedTuple):
    """Width and height in pixels, upright; `several`: the file holds more than this picture.

    Further frames or pages, a film, or what a camera's sensor saw. `camera`: EXIF says which
    camera took the picture, or when it did.
    """

    width: int
    height: int
    several: bool
    camera: bool


def header(image: Image.Image) -> Header:
    """The header of an image that is opened and not decoded.

    Raises:
        ImageError: it is damaged.
    """
    if isinstance(image, Apart):
        return Header(*image.header())
    width, height = image.size
    upright = image.format == "TIFF" and _ORIENTATION in getattr(image, "tag_v2", ())
    if not upright and orientation(image) in _SIDEWAYS:
        width, height = height, width
    several = bool(getattr(image, "is_animated", False)) or "raw" in image.info or _has_film(image)
    return Header(width, height, several, _is_of_camera(image))


def _is_of_camera(image: Image.Image) -> bool:
    try:
        exif = image.getexif()
        return any(tag in exif for tag in _CAMERA) or _TAKEN in exif.get_ifd(_DETAILS)
    except Exception:  # noqa: BLE001 (a damaged EXIF makes Pillow raise anything)
        return False


def _has_film(image: Image.Image) -> bool:
    """Whether a phone has put a short film behind the picture."""
    told = image.info.get("xmp") or b""
    told = told.encode() if isinstance(told, str) else told
    if any(word in told for word in _FILM):
        return True
    held: Any = getattr(image, "fp", None)
    if not isinstance(held, io.BytesIO):
        return False
    contents = held.getvalue()
    if image.format == "JPEG":
        return _SAMSUNG_FILM in contents
    return contents[4:8] == b"ftyp" and _FILM_BOX in contents
