"""What is known of a picture besides its pixels: its size, and when it was taken."""

import datetime as dt
from typing import Final, NamedTuple

from PIL import Image

from nachash.images.decoding.apart import Apart
from nachash.images.decoding.decode import orientation
from nachash.results.index import UNKNOWN_TIME

_DETAILS: Final = 0x8769  # EXIF's tag of the part that holds the two below
_TAKEN: Final = (0x9003, 0x9004)  # DateTimeOriginal, and DateTimeDigitized of a scan
_SIDEWAYS: Final = (5, 6, 7, 8)
_FORM: Final = "%Y:%m:%d %H:%M:%S"


class Facts(NamedTuple):
    """Width and height in pixels, upright, and when it was taken: see `results.index.Metadata`."""

    width: int
    height: int
    taken: int


def facts(image: Image.Image, whole: tuple[int, int]) -> Facts:
    """Facts of an image that is decoded; `whole` was its size before that."""
    if isinstance(image, Apart):
        return Facts(*(image.facts or (0, 0, UNKNOWN_TIME)))
    if image.format == "TIFF":  # turned itself while it was loaded, and is never shrunk
        return Facts(*image.size, _taken(image))
    width, height = whole[::-1] if orientation(image) in _SIDEWAYS else whole
    return Facts(width, height, _taken(image))


def _taken(image: Image.Image) -> int:
    """Seconds since 1970 on the camera's clock; `UNKNOWN_TIME` where EXIF has no sound time."""
    try:
        details = image.getexif().get_ifd(_DETAILS)
        text = next(str(details[tag]) for tag in _TAKEN if tag in details)
        moment = dt.datetime.strptime(text.strip("\0 "), _FORM).replace(tzinfo=dt.UTC)
    except Exception:  # noqa: BLE001 (a damaged EXIF makes Pillow raise anything)
        return UNKNOWN_TIME
    return int(moment.timestamp())
