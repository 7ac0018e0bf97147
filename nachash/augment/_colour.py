"""Colour jitter as one affine map x -> M x + t of the colour space per image.

Brightness, contrast, saturation, hue and grey are each affine in the colour of a pixel once the
image's mean colour is known, so that all of them compose into twelve numbers per image and cost
one matrix product. Deviations from torchvision's `ColorJitter`: hue turns about the grey axis
in the YIQ colour space instead of the HSV hexagon (as NVIDIA DALI does), values are clipped to
[0, 1] once at the end instead of after every step, and the order is fixed (brightness,
contrast, saturation, hue) instead of random.
"""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from nachash.augment._random import Draws
from nachash.shapes import Float

# ITU-R BT.601 luma, and the NTSC YIQ space.
_LUMA = (0.299, 0.587, 0.114)
_YIQ = (_LUMA, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))


@dataclass(frozen=True, slots=True)
class Jitter:
    """Largest relative change of brightness, contrast, saturation; of hue in turns."""

    brightness: float
    contrast: float
    saturation: float
    hue: float
    probability: float
    grey_probability: float


def jitter(
    images: Float[Tensor, "batch 3 height width"], amount: Jitter, draws: Draws
) -> Float[Tensor, "batch 3 height width"]:
    """Images with their colours changed at random, each by its own map, in [0, 1]."""
    mean = images.mean(dim=(2, 3)).float()
    matrix, offset = _colour_map(mean, amount, draws)
    pixels = images.flatten(2)
    mapped = torch.baddbmm(offset[:, :, None].to(pixels), matrix.to(pixels), pixels)
    return mapped.clamp_(0, 1).view_as(images)


def _colour_map(
    mean: Float[Tensor, "batch 3"], amount: Jitter, draws: Draws
) -> tuple[Float[Tensor, "batch 3 3"], Float[Tensor, "batch 3"]]:
    luma, _, _ = _constants(mean.device)
    grey = luma.expand(3, 3)
    identity = torch.eye(3, device=mean.device)
    on = draws.chosen(amount.probability)
    brightness = 1 + on * draws.uniform(-amount.brightness, amount.brightness)
    contrast = 1 + on * draws.uniform(-amount.contrast, amount.contrast)
    saturation = 1 + on * draws.uniform(-amount.saturation, amount.saturation)
    hue = on * draws.uniform(-amount.hue, amount.hue)
    saturation = saturation * (1 - draws.chosen(amount.grey_probability))
    blend = grey + saturation[:, None, None] * (identity - grey)
    matrix = _hue_turn(hue) @ blend * (brightness * contrast)[:, None, None]
    # Contrast pulls every pixel towards the grey of the mean colour; grey is a fixed point of
    # saturation and hue, so the offset passes them unchanged.
    offset = (1 - contrast) * brightness * (mean @ luma)
    return matrix, offset[:, None].expand(-1, 3)


@functools.cache
def _constants(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Luma, YIQ and its inverse; copied to a GPU once, since every copy waits for it."""
    yiq = torch.tensor(_YIQ)
    return torch.tensor(_LUMA, device=device), yiq.to(device), torch.linalg.inv(yiq).to(device)


def _hue_turn(turns: Float[Tensor, "batch"]) -> Float[Tensor, "batch 3 3"]:
    _, yiq, back = _constants(turns.device)
    angle = 2 * math.pi * turns
    rotation = torch.zeros(len(turns), 3, 3, device=turns.device)
    rotation[:, 0, 0] = 1
    rotation[:, 1, 1] = rotation[:, 2, 2] = angle.cos()
    rotation[:, 2, 1] = angle.sin()
    rotation[:, 1, 2] = -angle.sin()
    return back @ rotation @ yiq
