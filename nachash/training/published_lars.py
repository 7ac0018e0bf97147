"""LARS as the authors of NAC run it: every tensor is adapted, the rate is inside the momentum.

With a weight w, its gradient g, the rate r of the step, momentum m = 0.9, decay d and t = 0.001:

    g <- g + d w,    v <- m v + r t ||w|| / ||g|| g,    w <- w - v

for biases and batch norms too, which SimCLR's LARS leaves alone. So a tensor that begins at zero,
as the shifts of batch norms do, has a ratio of 0 and never moves. Without decay nothing is adapted,
as there. Where g is 0, nothing is added; there the authors' ratio is infinite.

Source: You, Gitman, Ginsburg, "Large Batch Training of Convolutional Networks", 2017; `lars.py` of
github.com/yookoon/nac at commit 7d706c0, which also begins with a rate of 0 (`plan.Plan`).
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import torch
from torch import Tensor

_MOMENTUM: Final = 0.9
_TRUST: Final = 0.001


class PublishedLARS(torch.optim.Optimizer):
    """The update above, for all tensors of a group at once; `state` holds v."""

    def __init__(self, weights: Iterable[Tensor], *, lr: float, weight_decay: float) -> None:
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Move every weight that has a gradient; a closure is not called."""
        del closure
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if weights:
                self._move(weights, group["lr"], group["weight_decay"])

    def _move(self, weights: list[Tensor], rate: float, decay: float) -> None:
        gradients: list[Tensor] = [weight.grad for weight in weights]  # type: ignore[misc]
        if decay:
            gradients = list(torch._foreach_add(gradients, weights, alpha=decay))
            torch._foreach_mul_(gradients, _ratios(weights, gradients))
        velocities = [self._velocity(weight) for weight in weights]
        torch._foreach_mul_(velocities, _MOMENTUM)
        torch._foreach_add_(velocities, gradients, alpha=rate)
        torch._foreach_sub_(weights, velocities)

    def _velocity(self, weight: Tensor) -> Tensor:
        velocity: Tensor = self.state[weight].setdefault("velocity", torch.zeros_like(weight))
        return velocity


def _ratios(weights: list[Tensor], gradients: list[Tensor]) -> list[Tensor]:
    """0.001 ||w|| / ||g|| of every tensor, without asking the device for any of them."""
    sizes = torch.stack(torch._foreach_norm(weights))
    slopes = torch.stack(torch._foreach_norm(gradients))
    return list((_TRUST * sizes / slopes).nan_to_num(nan=0.0, posinf=0.0).unbind())
