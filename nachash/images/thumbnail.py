"""A small upright picture of an image file, as a data URI."""

import base64
import io

from PIL import Image, ImageOps

from nachash.errors import ImageError
from nachash.images import files
from nachash.images.colour import rgb
from nachash.images.formats import reason, within_limits
from nachash.images.quiet import quiet

SIDE = 160  # pixels
SMALL = 64  # pixels; nothing is lost of an image up to this side


def thumbnail(path: str) -> tuple[str, bool]:
    """A data URI of at most SIDE pixels, and whether the image itself is no larger than SMALL.

    Raises:
        ImageError: the file is not there or cannot be decoded.
    """
    source = files.source("", [path])
    if not source.references:
        raise ImageError(source.skipped[0].reason)
    image = source.open(source.references[0])
    within_limits(image)
    with quiet, image:
        try:
            return _drawn(image)
        except Exception as error:  # a damaged file can make Pillow raise anything
            raise ImageError(reason(error)) from error


def _drawn(image: Image.Image) -> tuple[str, bool]:
    small = max(image.size) <= SMALL
    image.draft("RGB", (2 * SIDE, 2 * SIDE))
    upright = rgb(ImageOps.exif_transpose(image))
    upright.thumbnail((SIDE, SIDE))
    data = io.BytesIO()
    kind = "png" if small else "jpeg"
    upright.save(data, kind, **({} if small else {"quality": 82}))
    encoded = base64.b64encode(data.getvalue()).decode("ascii")
    return f"data:image/{kind};base64,{encoded}", small
