"""A small upright picture of an image file, as bytes or as a data URI."""

import base64
import io
from dataclasses import dataclass

from PIL import Image, ImageOps

from nachash.errors import ImageError
from nachash.images.decoding import bands
from nachash.images.decoding.apart import Apart
from nachash.images.decoding.colour import rgb
from nachash.images.decoding.decode import orientation, turned
from nachash.images.decoding.formats import reason, within_limits
from nachash.images.decoding.quiet import quiet
from nachash.images.decoding.room import beside_others
from nachash.images.sources.hosts import NONE, Hosts
from nachash.images.sources.originals import opened_at

SIDE = 160  # pixels
SMALL = 64  # pixels; nothing is lost of an image up to this side


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """An encoded small picture; `small` when the image itself is no larger than SMALL."""

    data: bytes
    media_type: str
    small: bool


def thumbnail(path: str, hosts: Hosts = NONE) -> tuple[str, bool]:
    """A data URI of at most SIDE pixels, and whether the image itself is no larger than SMALL.

    Raises:
        ImageError: the file is not there or cannot be decoded, or its host was not named.
    """
    return uri(drawn(opened_at(path, hosts)))


def uri(picture: Thumbnail) -> tuple[str, bool]:
    """A thumbnail as a data URI, and whether the image itself is no larger than SMALL."""
    encoded = base64.b64encode(picture.data).decode("ascii")
    return f"data:{picture.media_type};base64,{encoded}", picture.small


def drawn(image: Image.Image, side: int = SIDE) -> Thumbnail:
    """An opened image at most `side` pixels wide and high; the image is closed.

    Raises:
        ImageError: it cannot be decoded.
    """
    if isinstance(image, Apart):
        return Thumbnail(*image.drawn(side))
    within_limits(image)
    with quiet, image:
        try:
            return _drawn(image, side)
        except Exception as error:  # a damaged file can make Pillow raise anything
            raise ImageError(reason(error)) from error


def _drawn(image: Image.Image, side: int) -> Thumbnail:
    small = max(image.size) <= SMALL
    whole = image.width * image.height
    image.draft("RGB", (2 * side, 2 * side))
    with beside_others(image, whole):
        picture = _shrunk(image, side)
    picture.thumbnail((side, side))
    data = io.BytesIO()
    kind = "png" if small else "jpeg"
    picture.save(data, kind, **({} if small else {"quality": 82}))
    return Thumbnail(data.getvalue(), f"image/{kind}", small)


def _shrunk(image: Image.Image, side: int) -> Image.Image:
    """The upright image, RGB; a large one at twice the size that is wanted, or more."""
    if not bands.is_large(image):
        return rgb(ImageOps.exif_transpose(image))
    image.load()
    factor = max(1, max(image.size) // (2 * side))
    return turned(bands.reduced(image, factor), orientation(image))
