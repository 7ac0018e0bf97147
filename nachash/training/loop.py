"""The training loop: the same for every method."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nachash.errors import TrainingError
from nachash.shapes import Float, Int64, UInt8
from nachash.training.arithmetic import autocast
from nachash.training.plan import Plan, rate_factor
from nachash.training.randomness import epoch_order, step_generator

Augment = Callable[[Tensor, torch.Generator], Tensor]
_REMEMBERED_STEPS = 50


@dataclass(frozen=True, slots=True)
class Step:
    """What one step was like: its number from 1, of how many, and its figures."""

    number: int
    steps: int
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run came to: its steps, the mean figures of the last of them, its last state."""

    steps: int
    figures: dict[str, float]
    checkpoint: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """What a method is trained with: images, the recipe of their views, makers and device.

    `batch` makes the method's batch from views, positions and random numbers.
    """

    images: UInt8[Tensor, "n 3 height width"]
    augment: Augment
    batch: Callable[..., Any]
    device: torch.device


def train(method: Any, stage: Stage, plan: Plan, report: Callable[[Step], None]) -> Trained:
    """Train a `methods.Method`, which is on the device already, in place.

    Every step is reported: `loss`, the method's parts, `bit_balance` (mean over bits of twice
    the rarer value's share: 1 when every bit is on for half of the views), `views_per_second`.

    Raises:
        TrainingError: the loss of a step is not a finite number.
    """
    parameters = [weight for weight in method.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=plan.learning_rate, weight_decay=plan.weight_decay)
    last: deque[dict[str, float]] = deque(maxlen=_REMEMBERED_STEPS)
    steps = plan.epochs * plan.steps_per_epoch
    method.train()
    began = time.perf_counter()
    for number, positions, factor in _schedule(method, stage, plan):
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate * factor
        figures = _step(method, stage, plan, optimiser, number, positions)
        seen = (number + 1) * plan.batch * method.views
        figures["views_per_second"] = seen / (time.perf_counter() - began)
        last.append(figures)
        report(Step(number + 1, steps, figures))
    method.eval()
    state = {"method": method.state_dict(), "optimiser": optimiser.state_dict(), "steps": steps}
    return Trained(steps, _means(last), state)


def bit_balance(activations: Float[Tensor, "n bits"]) -> float:
    """Mean over bits of twice the share of the rarer value: 1 is balanced, 0 is constant."""
    share = (activations > 0).float().mean(dim=0)
    return float(2 * torch.minimum(share, 1 - share).mean())


def _schedule(
    method: Any, stage: Stage, plan: Plan
) -> Iterator[tuple[int, Int64[Tensor, "batch"], float]]:
    """Steps of all phases, numbered from 0: positions of the images, and share of the rate."""
    number = 0
    for index, phase in enumerate(method.phases):
        count = len(method.phases)
        epochs = range(index * plan.epochs // count, (index + 1) * plan.epochs // count)
        method.prepare(lambda: features(method.encoder, stage, plan.batch), phase)
        steps = len(epochs) * plan.steps_per_epoch
        for step, positions in enumerate(_positions(plan, epochs)):
            yield number, positions, rate_factor(step, steps, plan.warmup)
            number += 1


def _positions(plan: Plan, epochs: range) -> Iterator[Int64[Tensor, "batch"]]:
    for epoch in epochs:
        order = epoch_order(plan.seed, epoch, plan.images)
        yield from torch.split(order[: plan.steps_per_epoch * plan.batch], plan.batch)


def _step(
    method: Any,
    stage: Stage,
    plan: Plan,
    optimiser: torch.optim.Optimizer,
    number: int,
    positions: Int64[Tensor, "batch"],
) -> dict[str, float]:
    generator = step_generator(plan.seed, number, stage.device)
    images = stage.images[positions].to(stage.device)
    views = torch.stack([stage.augment(images, generator) for _ in range(method.views)])
    with autocast(stage.device):
        loss = method(stage.batch(views, positions.to(stage.device), generator))
    total = float(loss.total.detach())
    if not math.isfinite(total):
        raise TrainingError(
            f"the loss of step {number + 1} is {total}: training cannot go on",
            f"a smaller rate: --learning-rate {plan.learning_rate / 10:.2g}",
        )
    optimiser.zero_grad(set_to_none=True)
    loss.total.backward()
    optimiser.step()
    method.after_step(loss)
    parts = {name: float(part) for name, part in loss.parts.items()}
    return {"loss": total, **parts, "bit_balance": bit_balance(loss.activations)}


@torch.no_grad()
def features(encoder: nn.Module, stage: Stage, batch: int) -> Float[Tensor, "n features"]:
    """Features of the whole training set, without augmentation, in the order of positions."""
    was_training = encoder.training
    encoder.eval()
    pieces = [
        encoder(piece.to(stage.device).float() / 255).features.float()
        for piece in torch.split(stage.images, batch)
    ]
    encoder.train(was_training)
    return torch.cat(pieces)


def _means(figures: deque[dict[str, float]]) -> dict[str, float]:
    return {name: sum(step[name] for step in figures) / len(figures) for name in figures[-1]}
