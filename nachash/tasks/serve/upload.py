"""Bytes that a stranger sent, as the pixels that an encoder sees, or a reason why not."""

import enum

import numpy as np
from PIL import Image

from nachash.errors import ImageError
from nachash.images.decoding import formats
from nachash.images.decoding.decode import decode
from nachash.records import Preprocessing
from nachash.shapes import UInt8


class Fault(enum.Enum):
    """What is wrong with an upload."""

    TOO_LARGE = "too large"
    NO_IMAGE = "not an image"
    DAMAGED = "damaged"


class UploadError(ImageError):
    """An upload that is not searched; `fault` says of which kind."""

    def __init__(self, fault: Fault, sentence: str, hint: str = "") -> None:
        super().__init__(sentence, hint)
        self.fault = fault


def pixels_of(
    data: bytes, preprocessing: Preprocessing, most_pixels: int
) -> UInt8[np.ndarray, "1 size size 3"]:
    """The pixels of an encoded image, its header checked before anything is decoded.

    Raises:
        UploadError: it is no image of a known format, too large, or damaged.
    """
    if not formats.is_known(data):
        raise UploadError(
            Fault.NO_IMAGE,
            "this is not an image" if data else "nothing was sent",
            "send a JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC file",
        )
    try:
        with _within_limit(formats.opened(data), most_pixels) as image:
            return decode(image, preprocessing)[None]
    except UploadError:
        raise
    except ImageError as error:
        raise UploadError(Fault.DAMAGED, f"this image cannot be read: {error.sentence}") from error


def _within_limit(image: Image.Image, most_pixels: int) -> Image.Image:
    width, height = image.size
    if width * height > most_pixels:
        raise UploadError(
            Fault.TOO_LARGE,
            f"this image has {width} x {height} pixels, more than the {most_pixels:,} allowed",
            "send a smaller copy of it",
        )
    return image
