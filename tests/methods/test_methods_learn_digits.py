"""Every method on 200 real digits, with the network, views and loop that `train` uses."""

import numpy as np
import pytest
import torch
from torch import Tensor

from nachash import plugins
from nachash.augment import digits as recipes
from nachash.datasets import digits
from nachash.encoders.encoder import Encoded, Encoder, initial
from nachash.objective import Batch, Scale
from nachash.training.loop import Stage, Step, train
from nachash.training.plan import Plan
from nachash.training.views import PixelViews

IMAGES, BATCH, SIZE, BITS, EPOCHS = 200, 50, 16, 16, 8


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    small = digits.load().pixels[:IMAGES, ::2, ::2]
    return torch.from_numpy(np.ascontiguousarray(small.transpose(0, 3, 1, 2)))


def encoder_for(head: str) -> Encoder:
    torch.manual_seed(0)
    return initial("small", weights="random", bits=BITS, head=head)


@pytest.mark.parametrize("name", plugins.names("methods"))
def test_the_loss_on_digits_falls(name: str, pixels: Tensor) -> None:
    plugin = plugins.load("methods", name)
    encoder = encoder_for(plugin.USUAL.head)
    method = plugin.method(encoder, Scale(IMAGES, BATCH))
    device = torch.device("cpu")

    def encode() -> Encoded:
        return encoder.encoded(pixels, BATCH)

    stage = Stage(PixelViews(pixels, recipes.recipe(SIZE), device), encode, Batch, device)
    plan = Plan(images=IMAGES, batch=BATCH, epochs=EPOCHS, learning_rate=2e-3)
    steps: list[Step] = []
    trained = train(method, stage, plan, steps.append)

    if not any(weight.requires_grad for weight in method.parameters()):
        assert trained.steps == 0
        return
    assert trained.steps == EPOCHS * plan.steps_per_epoch
    losses = [step.figures["loss"] for step in steps]
    # Phases have losses of their own; a queue fills, and so loses little, in the first epoch.
    length = len(losses) // len(method.phases)
    for first in range(0, len(losses), length):
        of_phase = losses[first : first + length]
        epoch = plan.steps_per_epoch
        assert np.mean(of_phase[-epoch:]) < np.mean(of_phase[epoch : 2 * epoch])
