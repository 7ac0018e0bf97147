"""Large pictures, a band of rows at a time, so that no second copy of a whole one is made.

The pixels are the same as those of the whole at once: colours are converted pixel by pixel, and
Pillow, too, resizes all rows first and then all columns.
"""

from collections.abc import Callable, Iterator
from typing import Final

from PIL import Image

from nachash.images.decoding.colour import converter

BAND: Final = 1 << 20  # pixels

Converter = Callable[[Image.Image], Image.Image]
Box = tuple[float, float, float, float]
Span = tuple[int, int, int, int]  # left, top, right, bottom


def is_large(image: Image.Image) -> bool:
    """Whether an image is worth being cut into bands."""
    return image.width * image.height > 4 * BAND


def resized(
    image: Image.Image, part: Span, box: Box, size: int, resampling: Image.Resampling
) -> Image.Image:
    """The box within a part of a loaded image, resized to a square, RGB."""
    top, bottom = part[1], part[3]
    narrow = Image.new("RGB", (size, bottom - top))
    for _, start, band in _bands(image, part, converter(image, part)):
        across = (box[0], 0.0, box[2], float(band.height))
        narrow.paste(band.resize((size, band.height), resampling, box=across), (0, start - top))
    return narrow.resize((size, size), resampling, box=(0.0, box[1], float(size), box[3]))


def reduced(image: Image.Image, factor: int) -> Image.Image:
    """A loaded image, RGB, each pixel of it the mean of `factor` times `factor`."""
    size = (-(-image.width // factor), -(-image.height // factor))
    small = Image.new("RGB", size)
    rgb = converter(image, (0, 0, *image.size))
    across = max(factor, BAND // factor // factor * factor)
    for left in range(0, image.width, across):
        part = (left, 0, min(left + across, image.width), image.height)
        for x, y, band in _bands(image, part, rgb, factor):
            small.paste(band.reduce(factor), (x // factor, y // factor))
    return small


def _bands(
    image: Image.Image, part: Span, rgb: Converter, multiple: int = 1
) -> Iterator[tuple[int, int, Image.Image]]:
    """Left, top and pixels, RGB, of each band; its height is a multiple, but of the last."""
    left, top, right, bottom = part
    rows = max(1, BAND // ((right - left) * multiple)) * multiple
    for start in range(top, bottom, rows):
        band = image.crop((left, start, right, min(start + rows, bottom)))
        yield left, start, rgb(band)
