"""Images in memory, and three of them that span a plane."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nachash.errors import NoImagesError
from nachash.paper.expressivity.plane import Plane, plane_through
from nachash.shapes import Float32, UInt8

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Images:
    """Images in memory, in [0, 255]; what chose them, their paths, the folder each lies in."""

    pixels: UInt8[np.ndarray, "n 3 size size"]
    paths: tuple[str, ...]
    fingerprint: str
    rule: str

    def unit(self, positions: Any) -> Float32[np.ndarray, "n 3 size size"]:
        """Images at some positions, in [0, 1]."""
        return self.pixels[positions].astype(np.float32) / 255


def plane_corners(
    images: Images,
    rng: np.random.Generator,
) -> tuple[int, int, int]:
    """Three images that span a plane, of different folders where there are several.

    Raises:
        NoImagesError: all images lie on a line; they are copies of one or two.
    """
    order = rng.permutation(len(images.pixels)).tolist()
    folders = [Path(path).parent.name for path in images.paths]
    first_of = list({folders[place]: place for place in reversed(order)}.values())
    if len(first_of) == 1 and folders[0]:
        _log.info("all images lie in one folder (%s), so the plane is within one class", folders[0])
    ahead = sorted(order, key=lambda place: place not in first_of)  # stable: random within each
    first = ahead[0]
    second = next((place for place in ahead if _differ(images, first, place)), None)
    if second is not None:
        for third in ahead:
            if plane_of(images, (first, second, third)) is not None:
                return first, second, third
    raise NoImagesError(
        "no three of the images span a plane: they are copies of one or two",
        "name a folder with more images",
    )


def _differ(images: Images, one: int, other: int) -> bool:
    return not np.array_equal(images.pixels[one], images.pixels[other])


def plane_of(images: Images, corners: tuple[int, int, int]) -> Plane | None:
    """The plane through three of the images; None where they lie on one line."""
    try:
        return plane_through(images.unit(list(corners)).astype(np.float64))
    except ValueError:
        return None
