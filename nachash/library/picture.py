"""A picture that a program hands over, as an encoder's pixels."""

import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from nachash.errors import ImageError, UsageError
from nachash.images.decoding.decode import decode
from nachash.images.sources import files
from nachash.records import Preprocessing
from nachash.shapes import UInt8

Picture = str | os.PathLike[str] | Image.Image | np.ndarray


def checked_list(pictures: object) -> None:
    """Refuse one picture where several are expected; the letters of a path are no pictures.

    Raises:
        UsageError: it is one.
    """
    if isinstance(pictures, str | os.PathLike | Image.Image):
        raise UsageError(
            "one picture was given where several are expected", 'put it into a list: ["query.jpg"]'
        )


def pixels_of(
    pictures: Sequence[Picture] | np.ndarray, preprocessing: Preprocessing
) -> UInt8[np.ndarray, "batch size size 3"]:
    """Pixels of paths, Pillow images or uint8 arrays [height width] or [height width 3].

    Raises:
        ImageError: a file is not there or cannot be decoded; the sentence names it.
        UsageError: an array is not uint8.
    """
    size = preprocessing.size
    pixels = np.empty((len(pictures), size, size, 3), np.uint8)
    for row, picture in enumerate(pictures):
        pixels[row] = decode(opened(picture), preprocessing)
    return pixels


def opened(picture: Picture) -> Image.Image:
    """A picture as an image of Pillow's.

    Raises:
        ImageError: a file is not there or is no image; the sentence names it.
        UsageError: an array is not uint8.
    """
    if isinstance(picture, Image.Image):
        return picture
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8:
            raise UsageError(f"an image must be uint8, 0 to 255, not {picture.dtype}")
        return Image.fromarray(picture)
    name = os.fspath(picture)
    source = files.source("", [name])
    if not source.references:
        raise ImageError(f"{name}: {source.skipped[0].reason}")
    try:
        return source.open(source.references[0])
    except ImageError as error:
        raise ImageError(f"{name}: {error.sentence}") from error
