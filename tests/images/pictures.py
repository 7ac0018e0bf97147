"""Small real files of every kind that the tests read."""

import io

import numpy as np
from PIL import Image

from nachash.records import Preprocessing


def gradient(width: int, height: int) -> Image.Image:
    """RGB that differs in every row, column and channel, smooth enough for JPEG."""
    x = np.linspace(0, 255, width)[None, :].repeat(height, axis=0)
    y = np.linspace(255, 0, height)[:, None].repeat(width, axis=1)
    return Image.fromarray(np.stack([x, y, (x + y) / 2], axis=-1).astype(np.uint8))


def contents(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def exif(taken: str | None = None, orientation: int = 1) -> Image.Exif:
    """EXIF that says when a picture was taken, and how it is turned."""
    found = Image.Exif()
    found[0x0112] = orientation
    if taken is not None:
        found.get_ifd(0x8769)[0x9003] = taken
        found[0x8769] = found.get_ifd(0x8769)  # which is where TIFF looks for it
    return found


SIZE_8 = Preprocessing(8)
