"""Copies of an image as they turn up in collections, made by Pillow: to learn how codes move."""

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from nachash.images.decoding.formats import opened


def same_photo(image: Image.Image, rng: np.random.Generator) -> Iterator[Image.Image]:
    """The photo at half size, recompressed, and with up to 2 % cut off at each edge."""
    yield image.resize((max(1, image.width // 2), max(1, image.height // 2)))
    yield _recompressed(image, quality=int(rng.integers(40, 81)))
    yield _cut(image, rng.uniform(0, 0.02, 4))


def similar(image: Image.Image, rng: np.random.Generator) -> Iterator[Image.Image]:
    """The photo cropped by up to 15 % at each edge, mirrored, and brighter or darker."""
    yield _cut(image, rng.uniform(0, 0.15, 4))
    yield ImageOps.mirror(image)
    yield ImageEnhance.Brightness(image).enhance(float(rng.uniform(0.7, 1.4)))


def _recompressed(image: Image.Image, quality: int) -> Image.Image:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return opened(data.getvalue())


def _cut(image: Image.Image, shares: np.ndarray) -> Image.Image:
    """The image without a share of it at the left, top, right and bottom."""
    left, top, right, bottom = shares
    width, height = image.size
    x, y = round(left * width), round(top * height)
    return image.crop(
        (x, y, max(x + 1, round((1 - right) * width)), max(y + 1, round((1 - bottom) * height)))
    )
