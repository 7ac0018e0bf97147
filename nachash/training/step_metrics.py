"""Metrics of a step: its loss, its bits; numbers that stay on the device until they are read."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nachash.shapes import Float

Figures = dict[str, Tensor]


def step_metrics(loss: Any) -> Figures:
    """`loss`, the method's parts, `bit_balance` and `pair_distance` of a `objective.Loss`."""
    return {
        "loss": loss.total.detach(),
        **loss.parts,
        "bit_balance": bit_balance(loss.activations),
        "pair_distance": pair_distance(loss.activations),
    }


def read(figures: Sequence[Figures]) -> list[dict[str, float]]:
    """The numbers of several steps; a GPU is waited for once."""
    if not figures:
        return []
    device = figures[0]["loss"].device
    number = torch.float32 if device.type == "mps" else torch.float64  # mps has no float64
    values = torch.stack([value.to(device, number) for each in figures for value in each.values()])
    numbers = iter(values.tolist())
    return [{name: next(numbers) for name in each} for each in figures]


def bit_balance(activations: Float[Tensor, "n bits"]) -> Float[Tensor, ""]:
    """Mean over bits of twice the share of the rarer value: 1 is balanced, 0 is constant."""
    share = (activations > 0).float().mean(dim=0)
    return 2 * torch.minimum(share, 1 - share).mean()


def pair_distance(activations: Float[Tensor, "n bits"]) -> Float[Tensor, ""]:
    """Mean Hamming distance of two different rows, as a share of the bits."""
    count = len(activations)
    on = (activations > 0).float().sum(dim=0)
    return (2 * on * ((count - on) / (count * (count - 1)))).mean()
