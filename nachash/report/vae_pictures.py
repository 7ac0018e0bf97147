"""Reconstructions and samples of variational autoencoders as one picture, by Pillow."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from nachash.errors import UsageError
from nachash.report import output
from nachash.results.vae import Pixels, VaeComparison

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

FORMATS: Final = (".png", ".jpg", ".webp")
_LEAST_SIDE: Final = 64  # smaller pictures are enlarged, by whole factors and without smoothing
_BETWEEN: Final = 4
_MARGIN: Final = 14
_FONT_SIZE: Final = 15
_INK: Final = (40, 40, 40)
_FAINT: Final = (120, 120, 120)


def check_writable(path: Path, *, overwrite: bool) -> None:
    """Refuse a picture that could not be written, before the work for it is done.

    Raises:
        ExistsError: the file exists and `overwrite` is false.
        MissingError: its folder does not exist.
        UsageError: its suffix is none of FORMATS.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path} has none of the suffixes {', '.join(FORMATS)}", "--grid out.png")
    output.check_writable(path, overwrite=overwrite)


def grid(result: VaeComparison, path: Path) -> None:
    """Draw test images with each start's reconstructions below, then samples from the prior."""
    canvas(result).save(path)


def canvas(result: VaeComparison) -> "Image.Image":
    """The picture itself: a label before each row."""
    from PIL import Image, ImageDraw, ImageFont

    rows = list(_rows(result))
    font = ImageFont.load_default(_FONT_SIZE)
    wide = {label: int(font.getlength(label)) + 1 for label, _ in rows}
    left = 2 * _MARGIN + max(wide[label] for label, strip in rows if strip is not None)
    heights = [_FONT_SIZE + 16 if strip is None else len(strip) + _BETWEEN for _, strip in rows]
    ends = [_MARGIN + wide[s] if strip is None else left + strip.shape[1] for s, strip in rows]
    size = (max(ends) + _MARGIN, sum(heights) + _MARGIN)
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    top = 0
    for (label, strip), height in zip(rows, heights, strict=True):
        _draw_row(image, draw, font, label, strip, top, left)
        top += height
    return image


def _draw_row(
    image: "Image.Image",
    draw: "ImageDraw.ImageDraw",
    font: "ImageFont.FreeTypeFont | ImageFont.ImageFont",
    label: str,
    strip: "np.ndarray | None",
    top: int,
    left: int,
) -> None:
    from PIL import Image

    if strip is None:
        draw.text((_MARGIN, top + 12), label, font=font, fill=_FAINT)
        return
    image.paste(Image.fromarray(strip), (left, top))
    draw.text((_MARGIN, top + len(strip) // 2), label, font=font, fill=_INK, anchor="lm")


def _rows(result: VaeComparison) -> "Iterator[tuple[str, np.ndarray | None]]":
    """Labels with their strip of pictures; headings have none."""
    pictures = result.pictures
    if pictures is None:
        raise ValueError("the comparison holds no pictures")
    names = [start.name for start in result.starts]
    yield "test images and their reconstructions (the decoder's mean at the posterior mean)", None
    yield "original", _strip(pictures.originals)
    for name, images in zip(names, pictures.reconstructions, strict=True):
        yield name, _strip(images)
    yield "samples from the prior (the decoder's mean; the same latents in each row)", None
    for name, images in zip(names, pictures.samples, strict=True):
        yield name, _strip(images)


def _strip(images: Pixels) -> "np.ndarray":
    """Images side by side, enlarged, with white between them."""
    factor = max(1, -(-_LEAST_SIDE // images.shape[1]))
    large = images.repeat(factor, axis=1).repeat(factor, axis=2)
    padded = np.pad(large, ((0, 0), (0, 0), (0, _BETWEEN), (0, 0)), constant_values=255)
    return np.concatenate(list(padded), axis=1)
