"""An image becomes pixels: turned upright, centre square, resized, RGB."""

import math

import numpy as np
from PIL import Image

from nachash.errors import ImageError
from nachash.images.decoding import bands
from nachash.images.decoding.apart import Apart
from nachash.images.decoding.colour import rgb
from nachash.images.decoding.formats import reason, within_limits
from nachash.images.decoding.quiet import quiet
from nachash.images.decoding.room import beside_others
from nachash.records import Preprocessing
from nachash.shapes import UInt8

_TOLD_IN = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
_ORIENTATION = 0x0112  # EXIF's tag
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Box = bands.Box


def decode(image: Image.Image, preprocessing: Preprocessing) -> "UInt8[np.ndarray, 'size size 3']":
    """Pixels of an opened image as `Preprocessing` documents; only the first frame is read.

    The square is cut out before colours are converted and turned upright after it was resized,
    so that neither costs more than the square. It is centred exactly: where the margins are not
    whole pixels, the edge pixels count by half.

    Raises:
        ImageError: the image cannot be decoded, with the reason in a few words.
    """
    if isinstance(image, Apart):
        return image.pixels(preprocessing)
    within_limits(image)
    with quiet:
        try:
            square = _upright_square(image, preprocessing)
        except Exception as error:  # a damaged file can make Pillow raise anything
            raise ImageError(reason(error)) from error
    return np.asarray(square)


def _upright_square(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """The decoded, cut, resized, turned square of an image, RGB."""
    whole = image.width * image.height
    width, height = _shrink_while_decoding(image, preprocessing)
    with beside_others(image, whole):
        return _square(image, width, height, preprocessing)


def _square(
    image: Image.Image, width: float, height: float, preprocessing: Preprocessing
) -> Image.Image:
    image.load()
    turn = orientation(image)
    if image.width != math.ceil(width) or image.height != math.ceil(height):
        width, height = map(float, image.size)  # a TIFF turns itself while it is loaded
    square = _resized(image, *_centre_square(width, height), preprocessing)
    return turned(square, turn)


def _resized(
    image: Image.Image, part: bands.Span, box: Box, preprocessing: Preprocessing
) -> Image.Image:
    """The box within a part of a loaded image as a square of the encoder's size, RGB."""
    size = (preprocessing.size, preprocessing.size)
    resampling = Image.Resampling[preprocessing.filter.upper()]
    if bands.is_large(image):
        return bands.resized(image, part, box, preprocessing.size, resampling)
    square = rgb(image if part == (0, 0, *image.size) else image.crop(part))
    if square.size != size or box != (0.0, 0.0, *size):
        square = square.resize(size, resampling, box=box)
    return square


def _shrink_while_decoding(image: Image.Image, preprocessing: Preprocessing) -> tuple[float, float]:
    """Let a JPEG be decoded at a smaller scale; its width and height there, in (part) pixels."""
    shortest = preprocessing.jpeg_margin * preprocessing.size
    if shortest and image.format == "JPEG" and min(image.size) >= 2 * shortest:
        drafted = image.draft(None, (shortest, shortest))
        if drafted is not None:
            return drafted[1][2], drafted[1][3]
    return float(image.width), float(image.height)


def _centre_square(width: float, height: float) -> tuple[bands.Span, Box]:
    """The whole pixels that hold the largest centred square, and the square's box in them."""
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    x, y = math.floor(left), math.floor(top)
    right, bottom = math.ceil(left + side), math.ceil(top + side)
    return (x, y, right, bottom), (left - x, top - y, left - x + side, top - y + side)


def turned(image: Image.Image, turn: int) -> Image.Image:
    """An image, turned upright from the orientation that EXIF says."""
    return image if turn == 1 else image.transpose(_UPRIGHT[turn])


def orientation(image: Image.Image) -> int:
    """Orientation by EXIF, else by XMP, 1 (upright) to 8; where these are damaged, upright."""
    if image.info.keys().isdisjoint(_TOLD_IN):
        return 1
    try:
        turn = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 (the pixels are good, whatever the parser stumbles over)
        return 1
    return turn if turn in _UPRIGHT else 1
