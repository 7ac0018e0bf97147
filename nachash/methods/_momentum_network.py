"""A momentum network: the running average of a network that learns.

Source: He et al., "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR 2020,
equation 2, for the weights; Cai et al., "Exponential Moving Average Normalization for
Self-supervised and Semi-supervised Learning", CVPR 2021, for the statistics of batch norms.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from nachash.errors import UsageError


def checked_momentum(momentum: float) -> float:
    """Return `momentum` when an average can have it: from 0, and below 1.

    Raises:
        UsageError: for any other number.
    """
    if not 0.0 <= momentum < 1.0:
        raise UsageError(
            f"a momentum of {momentum:g} does not lie from 0 to below 1", "--set momentum=0.99"
        )
    return momentum


class MomentumNetwork(nn.Module):
    """A copy of a network whose state follows it; without gradient, always in inference mode.

    Everything follows with the same momentum, w <- m w + (1 - m) w', weights as well as the
    running statistics of batch norms, which is how the copy normalises: a key then depends on its
    own view alone, and not on which other views share its batch. In the published form it does,
    and a network can find the positive key by the traces of a common batch (He et al., section
    3.3): keys are there computed in another order over several processes. With statistics of its
    own the copy needs neither that, nor a batch in groups, nor more than one process.

    The momentum is the same from the first step on. One that grows from near 0, as averages are
    often begun, lets the copy follow so fast that codes of heads without batch norm collapse.
    """

    def __init__(self, network: Any, momentum: float) -> None:
        super().__init__()
        self.network: nn.Module = copy.deepcopy(network).requires_grad_(requires_grad=False)
        self.momentum = checked_momentum(momentum)

    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Any:
        """What the averaged network says."""
        self.network.eval()
        return self.network(inputs)

    @torch.no_grad()
    def follow(self, network: Any) -> None:
        """Move towards the network after one of its steps; counts are taken over."""
        newest = network.state_dict()
        for name, average in self.network.state_dict().items():
            if average.is_floating_point():
                average.lerp_(newest[name], 1 - self.momentum)
            else:
                average.copy_(newest[name])
