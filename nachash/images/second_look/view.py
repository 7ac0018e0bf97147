"""A picture as the second look sees it: small, upright, its long side `SIDE` pixels."""

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

import numpy as np
from PIL import Image

from nachash.images.second_look.contrast import local_contrast
from nachash.images.thumbnail import drawn
from nachash.shapes import Float32

SIDE: Final = 384
COARSE: Final = 64

Box = tuple[float, float, float, float]  # left, top, right, bottom; pixels, or shares of a side


@final
@dataclass(frozen=True)
class View:
    """A picture with both its sides at most `SIDE` pixels, RGB."""

    image: Image.Image

    @classmethod
    def of(cls, image: Image.Image) -> "View":
        """The view of an opened image, which is closed.

        Raises:
            ImageError: it cannot be decoded.
        """
        with Image.open(io.BytesIO(drawn(image, SIDE).data)) as small:
            return cls(small.convert("RGB"))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.height, self.image.width

    @cached_property
    def grey(self) -> Image.Image:
        """Its luminance."""
        return self.image.convert("L")

    @cached_property
    def coarse(self) -> Float32[np.ndarray, "height width"]:
        """Local contrast at a long side of `COARSE` pixels."""
        return self.coarse_at(1.0)

    @cached_property
    def few_pixels(self) -> Float32[np.ndarray, "pixels"]:
        """Luminance at 16 x 16 pixels, less its mean, of length 1; zeros of a plain picture."""
        small = np.asarray(self.grey.resize((16, 16), Image.Resampling.BILINEAR), np.float32)
        centred = small.ravel() - small.mean()
        length = float(np.linalg.norm(centred))
        return centred / length if length else centred

    def coarse_at(self, scale: float) -> Float32[np.ndarray, "height width"]:
        """Local contrast at a long side of `scale` times `COARSE` pixels."""
        ratio = COARSE * scale / max(self.shape)
        size = [max(1, round(side * ratio)) for side in (self.image.width, self.image.height)]
        small = self.grey.resize((size[0], size[1]), Image.Resampling.BILINEAR)
        return local_contrast(np.asarray(small, np.float32), radius=3)

    def part(self, box: Box, shape: tuple[int, int]) -> Image.Image:
        """What lies in a box, which may reach beyond the picture, at a size; black outside."""
        height, width = shape
        image, (left, top, right, bottom) = self.image, box
        across = (right - left) * image.width / width
        down = (bottom - top) * image.height / height
        if (factor := int(min(across, down))) > 1:
            image, across, down = image.reduce(factor), across / factor, down / factor
        start = left * image.width, top * image.height
        matrix = (across, 0, start[0], 0, down, start[1])
        return image.transform(
            (width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
        )
