"""Batch norms that see a part of a batch at a time, as on several GPUs, but on one device.

The authors of NAC send each view through the network by itself, over four GPUs that know nothing
of each other: the statistics are those of 250 images of one view. With two views of 1,000 images
that is eight groups here. View 2 is shuffled there, so that an image does not meet the same
images in both views (`train.py` of github.com/yookoon/nac at commit 7d706c0). Deviation: running
statistics follow every group and not only those of the first GPU.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from nachash.encoders.encoder import Encoded
from nachash.errors import UsageError
from nachash.shapes import Int64


class _InGroups(nn.Module):
    """Normalises rows, in training, in groups that follow one another."""

    groups: int

    def forward(self, rows: Tensor) -> Tensor:
        """As the batch norm beside it."""
        normalise = super().forward
        if not self.training:
            return normalise(rows)
        return torch.cat([normalise(part) for part in rows.chunk(self.groups)])


class _GroupedBatchNorm1d(_InGroups, nn.BatchNorm1d):
    """A batch norm of vectors in groups."""


class _GroupedBatchNorm2d(_InGroups, nn.BatchNorm2d):
    """A batch norm of maps in groups."""


_GROUPED: dict[type[nn.Module], type[_InGroups]] = {
    nn.BatchNorm1d: _GroupedBatchNorm1d,
    nn.BatchNorm2d: _GroupedBatchNorm2d,
}


class _Shuffle:
    """Gives every view but the first an order of its own on the way in, and undoes it after."""

    def __init__(self, views: int) -> None:
        self.views = views
        self.order: Int64[Tensor, "n"] | None = None

    def shuffled(self, network: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
        """The rows of a batch in training, in the new order."""
        self.order = None
        if not network.training:
            return given
        (rows,) = given
        count = len(rows) // self.views
        orders = [torch.arange(count)] + [torch.randperm(count) for _ in range(self.views - 1)]
        starts = range(0, len(rows), count)
        order = torch.cat([start + one for start, one in zip(starts, orders, strict=True)])
        self.order = order.to(rows.device)
        return (rows[self.order],)

    def restored(self, network: nn.Module, given: Any, encoded: Encoded) -> Encoded:
        """Features and activations in the order in which the rows came."""
        del network, given
        if self.order is None:
            return encoded
        back = self.order.argsort()
        return Encoded(encoded.features[back], encoded.activations[back])


@contextlib.contextmanager
def grouped_norms(network: nn.Module, groups: int, *, views: int, rows: int) -> Iterator[None]:
    """A context in which a network's batch norms see `groups` parts of its rows, one at a time.

    Args:
        network: an `Encoder` or a `Head`; its rows are view after view.
        groups: parts of a batch of all views.
        views: of each image.
        rows: of a batch, all views together.

    Raises:
        UsageError: a group would hold rows of two views, or unequal or single ones.
    """
    if groups < 1 or groups % views or rows % groups or rows // groups < 2:
        raise UsageError(
            f"{rows} rows of {views} views cannot be normalised in {groups} groups",
            f"--norm-groups {views} for one group a view, or a multiple of it that divides {rows}",
        )
    shuffle = _Shuffle(views)
    hooks = (
        network.register_forward_pre_hook(shuffle.shuffled),
        network.register_forward_hook(shuffle.restored),
    )
    norms = [module for module in network.modules() if type(module) in _GROUPED]
    plain = [type(norm) for norm in norms]
    for norm in norms:
        norm.__class__ = _GROUPED[type(norm)]
        norm.groups = groups  # type: ignore[assignment]
    try:
        yield
    finally:
        for norm, kind in zip(norms, plain, strict=True):
            norm.__class__ = kind
        for hook in hooks:
            hook.remove()
