"""Bytes that a stranger sent, as the pixels that an encoder sees, or a reason why not."""

import enum
import threading
from typing import Final

import numpy as np
from PIL import Image

from nachash.errors import ImageError
from nachash.images.decoding import apart, formats
from nachash.images.decoding.decode import decode
from nachash.records import Preprocessing
from nachash.shapes import UInt8


class Fault(enum.Enum):
    """What is wrong with an upload."""

    TOO_LARGE = "too large"
    NO_IMAGE = "not an image"
    DAMAGED = "damaged"
    BUSY = "busy"


SLOW_AT_ONCE: Final = 2  # uploads that are decoded apart; so many threads may be kept waiting
_slow: Final = threading.BoundedSemaphore(SLOW_AT_ONCE)


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
        image = formats.opened(data)
        if isinstance(image, apart.Apart):
            return _decoded_apart(image, preprocessing, most_pixels)
        with _within_limit(image, most_pixels):
            return decode(image, preprocessing)[None]
    except UploadError:
        raise
    except ImageError as error:
        raise UploadError(Fault.DAMAGED, f"this image cannot be read: {error.sentence}") from error


def _decoded_apart(
    image: apart.Apart, preprocessing: Preprocessing, most_pixels: int
) -> UInt8[np.ndarray, "1 size size 3"]:
    """The pixels of an image that may take long: a few at once, so that others get an answer."""
    if not _slow.acquire(blocking=False):
        raise UploadError(
            Fault.BUSY,
            "this image is large or unusual, and others like it are being read",
            "send it again in a moment",
        )
    try:
        return decode(_within_limit(image, most_pixels), preprocessing)[None]
    finally:
        _slow.release()


def _within_limit(image: Image.Image, most_pixels: int) -> Image.Image:
    width, height = image.size
    if width * height > most_pixels:
        raise UploadError(
            Fault.TOO_LARGE,
            f"this image has {width} x {height} pixels, more than the {most_pixels:,} allowed",
            "send a smaller copy of it",
        )
    return image
