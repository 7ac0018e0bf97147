"""Which pairs of images count as similar: by the distribution of all cosine distances.

The rule of SSDH (see `ssdh.py`), which DistillHash begins with too. Distances are computed block by
block, so that memory does not grow with the square of the number of images.
"""

import itertools
from typing import Final, NamedTuple

import torch
from torch import Tensor

from nachash.shapes import Float, Int64

_BLOCK: Final = 1024
_BINS_PER_UNIT: Final = 1000  # of the standard deviations
_BINS_PER_STEP: Final = 10  # of the mode: a hundred steps per unit of distance, as published


class Thresholds(NamedTuple):
    """Pairs nearer than `near` are similar, those farther than `far` are not."""

    near: float
    far: float


def distance_counts(rows: Float[Tensor, "images features"]) -> Int64[Tensor, "bins"]:
    """Pairs of different images by cosine distance, a bin per thousandth from 0 to 2.

    Args:
        rows: unit vectors, in any precision.
    """
    bins = 2 * _BINS_PER_UNIT
    counts = torch.zeros(bins, dtype=torch.int64, device=rows.device)
    blocks = list(enumerate(torch.split(rows, _BLOCK)))
    for (place, block), (other_place, other) in itertools.combinations_with_replacement(blocks, 2):
        distances = cosine_distances(block, other).clamp_(0, 2)
        if place == other_place:
            above = torch.ones_like(distances, dtype=torch.bool).triu_(diagonal=1)
            distances = distances[above]
        counts += torch.histc(distances, bins=bins, min=0, max=2).long()
    return counts


def cosine_distances(
    rows: Float[Tensor, "rows features"], others: Float[Tensor, "others features"]
) -> Float[Tensor, "rows others"]:
    """1 - cosine of unit vectors, in single precision whatever precision they are kept in."""
    with torch.autocast(rows.device.type, enabled=False):
        return 1 - rows.float() @ others.float().T


def thresholds(counts: Int64[Tensor, "bins"], *, alpha: float, beta: float) -> Thresholds:
    """Where a pair begins to be surely similar, and surely dissimilar.

    m is the mode of the distances in steps of a hundredth. What lies below m is mirrored at m and
    taken for a Gaussian, and what lies above likewise: both have the mean m, and the mean square of
    d - m over their half as variance. Then near = m - alpha sigma_left, far = m + beta sigma_right.
    """
    coarse = counts.view(-1, _BINS_PER_STEP).sum(dim=1)
    mode = (float(coarse.argmax()) + 0.5) * _BINS_PER_STEP / _BINS_PER_UNIT
    centres = (torch.arange(len(counts), dtype=torch.float64) + 0.5) / _BINS_PER_UNIT
    weights, away = counts.double().cpu(), centres - mode
    left = _half_deviation(weights[away < 0], away[away < 0])
    right = _half_deviation(weights[away > 0], away[away > 0])
    return Thresholds(mode - alpha * left, mode + beta * right)


def _half_deviation(weights: Float[Tensor, "bins"], away: Float[Tensor, "bins"]) -> float:
    return float((weights @ away.square() / weights.sum().clamp(min=1)).sqrt())


def structure(
    rows: Float[Tensor, "batch features"], limits: Float[Tensor, "2"]
) -> Float[Tensor, "batch batch"]:
    """S: +1 for similar pairs, -1 for dissimilar ones, 0 for those between the two limits.

    Args:
        rows: unit vectors.
        limits: near and far.
    """
    distances = cosine_distances(rows, rows)
    return (distances < limits[0]).float() - (distances > limits[1]).float()
