"""Images that exist as an array already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nachash.records import Reference, Skipped
from nachash.shapes import UInt8


@dataclass(frozen=True, slots=True)
class Arrays:
    """Images in memory."""

    root: str
    references: tuple[Reference, ...]
    skipped: tuple[Skipped, ...]
    pixels: "UInt8[np.ndarray, 'n height width *channels']"
    positions: Mapping[str, int]

    def open(self, reference: Reference) -> Image.Image:
        """The image of that name; it is grey or RGB as the array is."""
        return Image.fromarray(self.pixels[self.positions[reference.path]])


def source(
    pixels: "UInt8[np.ndarray, 'n height width *channels']", names: Sequence[str], root: str = ""
) -> Arrays:
    """A source of the images in an array, [n height width] or [n height width 3].

    Names must differ; sizes are those of the pixels in bytes, times of change are 0.
    """
    size = pixels[0].nbytes if len(pixels) else 0
    references = tuple(Reference(name, size, 0) for name in names)
    return Arrays(root, references, (), pixels, {name: at for at, name in enumerate(names)})
