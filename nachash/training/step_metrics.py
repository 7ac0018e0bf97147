"""Metrics of a step: its loss, its bits."""

from typing import Any

import torch
from torch import Tensor

from nachash.shapes import Float


def step_metrics(loss: Any) -> dict[str, float]:
    """`loss`, the method's parts, `bit_balance` and `pair_distance` of a `objective.Loss`."""
    return {
        "loss": float(loss.total.detach()),
        **{name: float(part) for name, part in loss.parts.items()},
        "bit_balance": bit_balance(loss.activations),
        "pair_distance": pair_distance(loss.activations),
    }


def bit_balance(activations: Float[Tensor, "n bits"]) -> float:
    """Mean over bits of twice the share of the rarer value: 1 is balanced, 0 is constant."""
    share = (activations > 0).float().mean(dim=0)
    return float(2 * torch.minimum(share, 1 - share).mean())


def pair_distance(activations: Float[Tensor, "n bits"]) -> float:
    """Mean Hamming distance of two different rows, as a share of the bits."""
    count = len(activations)
    on = (activations > 0).double().sum(dim=0)
    return float((2 * on * (count - on)).mean() / (count * (count - 1)))
