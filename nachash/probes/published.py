"""The published linear probe: one linear layer, trained by SGD on new views in every epoch."""

import math
from collections.abc import Callable, Iterable
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from nachash.shapes import Float, Int64

EPOCHS: Final = 100
BATCH: Final = 1000
LEARNING_RATE: Final = 1.0
MOMENTUM: Final = 0.9

Batch = tuple[Float[Tensor, "batch features"], Int64[Tensor, "batch"]]


def linear_layer(
    views: Callable[[int], Iterable[Batch]],
    *,
    features: int,
    classes: int,
    epochs: int,
    steps_per_epoch: int,
    generator: torch.Generator,
    device: torch.device,
    report: Callable[[int, float], None],
) -> nn.Linear:
    """A layer from features to one logit per class, trained on the mean cross-entropy.

    SGD with Nesterov momentum 0.9, no weight decay; the learning rate falls from 1.0 to 0 along
    half a cosine, step by step: lr(t) = (1 + cos(pi t / T)) / 2. Source: the NAC authors' code
    (github.com/yookoon/nac), 100 epochs of batches of 1,000 views by crop and flip. It begins
    with weights uniform within 1 / sqrt(features), as torch's layers do.

    Args:
        views: features of a new view of every image, with classes, batch by batch, of an epoch.
        features: length of a row.
        classes: number of classes.
        epochs: passes over the images.
        steps_per_epoch: batches that `views` gives at most.
        generator: of the initial weights.
        device: where the layer is trained.
        report: told the step, from 1, and the loss at it.
    """
    layer = _initial(features, classes, generator).to(device)
    optimiser = torch.optim.SGD(
        layer.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, nesterov=True
    )
    for epoch in range(epochs):
        for step, (rows, labels) in enumerate(views(epoch), start=epoch * steps_per_epoch):
            optimiser.param_groups[0]["lr"] = rate(step, epochs * steps_per_epoch)
            optimiser.zero_grad()
            loss = functional.cross_entropy(layer(rows), labels)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            report(step + 1, float(loss.detach()))
    return layer.requires_grad_(requires_grad=False)


def rate(step: int, steps: int) -> float:
    """The learning rate of a step, counted from 0, of so many."""
    return LEARNING_RATE * (1 + math.cos(math.pi * step / steps)) / 2


def _initial(features: int, classes: int, generator: torch.Generator) -> nn.Linear:
    layer = nn.Linear(features, classes)
    bound = 1 / math.sqrt(features)
    for part in (layer.weight, layer.bias):
        nn.init.uniform_(part, -bound, bound, generator=generator)
    return layer
