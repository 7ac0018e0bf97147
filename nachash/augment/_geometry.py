"""Crops, flips and small affine maps, composed into one matrix and sampled once.

A matrix [2, 3] maps a point of the view to the point of the image that it shows, both in
coordinates where the image reaches from -1 to 1 (`torch.nn.functional.affine_grid`).
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from nachash.augment._random import Draws
from nachash.shapes import Float

_ATTEMPTS = 10
_RATIO = 4 / 3


def resized_crop(
    draws: Draws, *, height: int, width: int, scale: tuple[float, float]
) -> Float[Tensor, "batch 2 3"]:
    """Boxes of random area and aspect ratio (3:4 to 4:3), as matrices.

    Areas are uniform in `scale` times the image's area, ratios uniform in the logarithm. Both are
    drawn ten times and the first pair that fits is taken, the largest box of a possible ratio if
    none does: the rule of torchvision's `RandomResizedCrop`, without rounding to whole pixels.
    """
    area = draws.uniform(*scale, _ATTEMPTS) * height * width
    ratio = draws.uniform(-1.0, 1.0, _ATTEMPTS).mul(math.log(_RATIO)).exp()
    largest = (min(1.0, _RATIO * height / width), min(1.0, _RATIO * width / height))
    sides = torch.stack(((area * ratio).sqrt() / width, (area / ratio).sqrt() / height), dim=2)
    fits = (sides <= 1).all(dim=2)
    first = fits.float().argmax(dim=1)
    drawn = sides[torch.arange(len(sides), device=sides.device), first]
    # Filled and not copied to the device, which would have to wait for it.
    whole = torch.stack([sides.new_full((), side) for side in largest])
    taken = torch.where(fits.any(dim=1, keepdim=True), drawn, whole)
    wide, high = taken.unbind(dim=1)
    across = draws.uniform(-1.0, 1.0) * (1 - wide)
    down = draws.uniform(-1.0, 1.0) * (1 - high)
    zero = torch.zeros_like(wide)
    return _matrix(((wide, zero, across), (zero, high, down)))


def flip(draws: Draws) -> Float[Tensor, "batch 2 3"]:
    """Mirrors left and right with probability one half."""
    sign = 1 - 2 * draws.chosen(0.5)
    one, zero = torch.ones_like(sign), torch.zeros_like(sign)
    return _matrix(((sign, zero, zero), (zero, one, zero)))


def small_affine(
    draws: Draws, *, degrees: float, shift: float, zoom: tuple[float, float], shear: float
) -> Float[Tensor, "batch 2 3"]:
    """Random rotation, zoom, shear and shift; `shift` and `shear` in half image widths."""
    angle = torch.deg2rad(draws.uniform(-degrees, degrees))
    size = draws.uniform(*zoom)
    slant = draws.uniform(-shear, shear)
    cosine, sine = angle.cos() / size, angle.sin() / size
    across, down = draws.uniform(-shift, shift), draws.uniform(-shift, shift)
    return _matrix(((cosine, slant * cosine - sine, across), (sine, slant * sine + cosine, down)))


def turn(degrees: Float[Tensor, "batch"], *, height: int, width: int) -> Float[Tensor, "batch 2 3"]:
    """Rotations about the centre by `degrees`, without distortion on images that are no squares."""
    angle = torch.deg2rad(degrees)
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return _matrix(((cosine, -sine * height / width, zero), (sine * width / height, cosine, zero)))


def compose(
    outer: Float[Tensor, "batch 2 3"], inner: Float[Tensor, "batch 2 3"]
) -> Float[Tensor, "batch 2 3"]:
    """The map that applies `inner`, then `outer`, to a point of the view."""
    linear = outer[:, :, :2] @ inner
    return torch.cat((linear[:, :, :2], linear[:, :, 2:] + outer[:, :, 2:]), dim=2)


def cropped_and_flipped(
    images: Float[Tensor, "batch 3 height width"],
    draws: Draws,
    size: int,
    scale: tuple[float, float],
) -> Float[Tensor, "batch 3 size size"]:
    """A random part of each image, of a share of its area in `scale`, mirrored half of the time."""
    height, width = images.shape[-2:]
    crop = resized_crop(draws, height=height, width=width, scale=scale)
    return sample(images, compose(crop, flip(draws)), size)


def sample(
    images: Float[Tensor, "batch 3 height width"], matrices: Float[Tensor, "batch 2 3"], size: int
) -> Float[Tensor, "batch 3 size size"]:
    """What each matrix shows of its image, bilinear; beyond the border stands the border."""
    # torch's affine_grid multiplies a tiny matrix per image and costs as much as the sampling;
    # one matrix product for the whole batch gives the same numbers.
    centres = (2 * torch.arange(size, device=images.device, dtype=torch.float32) + 1) / size - 1
    down, across = torch.meshgrid(centres, centres, indexing="ij")
    points = torch.stack((across, down, torch.ones_like(down))).flatten(1)
    grid = (matrices.flatten(0, 1) @ points).view(len(images), 2, size, size).permute(0, 2, 3, 1)
    return functional.grid_sample(
        images, grid.to(images.dtype), mode="bilinear", padding_mode="border", align_corners=False
    )


def _matrix(rows: tuple[tuple[Tensor, ...], ...]) -> Float[Tensor, "batch 2 3"]:
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
