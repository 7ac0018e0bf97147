"""Fits an autoencoder: every step climbs the evidence lower bound of a batch by Adam."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from nachash.errors import TrainingError
from nachash.paper.vae.autoencoder import Autoencoder
from nachash.shapes import Int64, UInt8

# The one number that all pixels share moves ten times as fast as the weights, which are many.
_SCALE_RATE = 10


@dataclass(frozen=True, slots=True)
class Course:
    """What several starts have in common: length, order of the images, noise, rate.

    Attributes:
        steps_per_epoch: steps in which every image is seen at most once.
        share: of the course that lies behind after so many steps and seconds; 1 is its end.
        positions: images of a step, counted from 0.
        generator: random numbers of a step.
        rate: learning rate at a share of the course.
        arithmetic: in which layers compute, e.g. an autocast.
    """

    steps_per_epoch: int
    share: Callable[[float, float], float]
    positions: Callable[[int], Int64[Tensor, "batch"]]
    generator: Callable[[int], torch.Generator]
    rate: Callable[[float], float]
    arithmetic: Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class Epoch:
    """After an epoch, or what a budget left of one: its number, steps and seconds so far.

    `elbo` is the mean over the epoch's own batches, in nats per image.
    """

    number: int
    steps: int
    seconds: float
    share: float
    elbo: float


def epochs(
    autoencoder: Autoencoder, images: UInt8[Tensor, "n 3 size size"], course: Course
) -> Iterator[Epoch]:
    """Fit an autoencoder in place; an `Epoch` after each, and the time between them is not counted.

    Raises:
        TrainingError: the bound of a step is not a finite number.
    """
    optimiser = _optimiser(autoencoder)
    step, seconds, number = 0, 0.0, 0
    bounds: list[float] = []
    while (share := course.share(float(step), seconds)) < 1:
        began = time.perf_counter()
        autoencoder.train()
        middle = share + course.share(0.5, seconds / max(step, 1) / 2)
        bounds.append(_stepped(autoencoder, optimiser, images, course, step, course.rate(middle)))
        step += 1
        seconds += time.perf_counter() - began
        share = course.share(float(step), seconds)
        if step % course.steps_per_epoch == 0 or share >= 1:
            number += 1
            yield Epoch(number, step, seconds, min(share, 1.0), sum(bounds) / len(bounds))
            bounds.clear()


def _optimiser(autoencoder: Autoencoder) -> torch.optim.Adam:
    scale = autoencoder.log_scale
    weights = [weight for weight in autoencoder.parameters() if weight is not scale]
    return torch.optim.Adam([{"params": weights}, {"params": [scale]}])


def _stepped(
    autoencoder: Autoencoder,
    optimiser: torch.optim.Adam,
    images: UInt8[Tensor, "n 3 size size"],
    course: Course,
    step: int,
    rate: float,
) -> float:
    """One step; the batch's bound before it."""
    weights, scale = optimiser.param_groups
    weights["lr"], scale["lr"] = rate, rate * _SCALE_RATE
    device = autoencoder.log_scale.device
    generator = course.generator(step)
    batch = as_floats(images[course.positions(step)], device)
    noise = torch.randn(len(batch), autoencoder.latent, generator=generator, device=device)
    with course.arithmetic():
        terms = autoencoder(batch, noise)
    bound = (terms.log_likelihood - terms.divergence).mean()
    value = float(bound.detach())
    if not math.isfinite(value):
        raise TrainingError(f"the evidence lower bound of step {step + 1} is {value}")
    optimiser.zero_grad(set_to_none=True)
    (-bound).backward()
    optimiser.step()
    return value


def as_floats(images: UInt8[Tensor, "batch 3 size size"], device: torch.device) -> Tensor:
    """Images in [0, 1] on a device, in the layout that convolutions are fastest in."""
    floats = images.to(device).float() / 255
    return floats.contiguous(memory_format=torch.channels_last)
