"""Twenty steps of the authors' recipe, written from their formulas in double precision.

`train.py`, `lars.py`, `model.py` and `run_hash.py` of github.com/yookoon/nac at commit 7d706c0.
"""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nachash import channel
from nachash.encoders.backbones import Backbone
from nachash.encoders.encoder import Encoded, Encoder
from nachash.encoders.grouped_norms import grouped_norms
from nachash.methods import nac
from nachash.objective import Batch, Scale
from nachash.training.loop import Stage, train
from nachash.training.plan import Plan
from nachash.training.randomness import step_generator

BATCH, BITS, FLIP, STEPS, WARMUP = 8, 6, 0.4, 20, 5
RATE, DECAY = 3.0, 1e-2


class Network(nn.Module):
    """A convolution with a bias and a batch norm: each kind of tensor that VGG-16-BN has."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        nn.init.zeros_(self.layers[0].bias)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


def built() -> Any:
    torch.manual_seed(0)
    encoder = Encoder(Backbone(Network(), 5), bits=BITS, head="scaled")
    method = nac.method(encoder, Scale(BATCH, BATCH), noise=FLIP, posterior="network")
    return method.double()


def views(step: int) -> Tensor:
    generator = torch.Generator().manual_seed(1000 + step)
    return torch.rand(2, BATCH, 3, 8, 8, generator=generator, dtype=torch.float64)


def published_loss(method: Any, images: Tensor, noise: torch.Generator) -> Tensor:
    """`train` with `objective == "nac"`, for one device and without its shuffle."""
    encoded: list[Encoded] = [method.encoder(view) for view in images]
    tanh = [torch.tanh(one.activations) for one in encoded]
    logits = [method.inference(one.features) / math.sqrt(BITS) for one in encoded]
    out = torch.cat(tanh)
    flips = torch.where(torch.rand(out.shape, generator=noise) < FLIP, -1.0, 1.0)
    noisy = flips * out
    similarity = noisy @ out.T * (math.log((1 - FLIP) / FLIP) / 2)
    positive = []
    for code, logit in zip(noisy.split(BATCH), reversed(logits), strict=True):
        q = torch.sigmoid(logit)
        positive.append((code * logit + torch.log(q * (1 - q)) - math.log(1 / 4)).sum(-1) / 2)
    return (-torch.cat(positive) + torch.logsumexp(similarity, dim=-1)).mean()


class PublishedSteps:
    """`lars.py` with `LambdaLR`, one tensor after the other."""

    def __init__(self, weights: list[Tensor]) -> None:
        self.weights = weights
        self.momentum = [torch.zeros_like(weight) for weight in weights]

    @torch.no_grad()
    def step(self, number: int) -> None:
        rate = RATE * self.factor(number)
        for weight, buffer in zip(self.weights, self.momentum, strict=True):
            gradient = weight.grad + DECAY * weight
            ratio = 0.001 * weight.norm() / gradient.norm()
            buffer.mul_(0.9).add_(gradient * (rate * ratio))
            weight.sub_(buffer)

    @staticmethod
    def factor(step: int) -> float:
        if step < WARMUP:
            return step / WARMUP
        return 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP)))


def by_the_formulas() -> Any:
    method = built().train()
    steps = PublishedSteps(list(method.parameters()))
    for step in range(STEPS):
        method.zero_grad()
        noise = step_generator(0, step, torch.device("cpu"))
        published_loss(method, views(step), noise).backward()
        steps.step(step)
    return method


def by_the_loop() -> Any:
    """The same through `--optimiser nac-lars --norm-groups 2`; a view is a group, in any order."""
    method, step = built(), iter(range(STEPS))
    device = torch.device("cpu")
    stage = Stage(lambda *_: views(next(step)), lambda: None, Batch, device, precision="fp32")
    plan = Plan(
        images=BATCH,
        batch=BATCH,
        epochs=STEPS,
        learning_rate=RATE,
        optimiser="nac-lars",
        weight_decay=DECAY,
        warmup=WARMUP / STEPS,
    )
    with grouped_norms(method.encoder, 2, views=2, rows=2 * BATCH):
        train(method, stage, plan, lambda _: None)
    return method


def test_twenty_steps_are_those_of_the_authors() -> None:
    theirs, ours = by_the_formulas().state_dict(), by_the_loop().state_dict()
    start = built().state_dict()

    moved = [name for name in start if not torch.equal(start[name], ours[name])]
    for name, expected in theirs.items():
        torch.testing.assert_close(ours[name], expected, rtol=0, atol=1e-6, msg=name)
    assert "encoder.backbone.layers.0.weight" in moved
    assert "encoder.head.0.bias" in moved
    assert "encoder.backbone.layers.0.bias" not in moved  # zero at first: a ratio of 0, for ever


def test_the_constants_that_the_authors_leave_out_are_the_only_difference() -> None:
    """-(D log 2 + D/2 log(p (1 - p)) - log 2B) lies between their loss and the bound."""
    method = built().train()
    images = views(0)

    theirs = published_loss(method, images, torch.Generator().manual_seed(0))
    encoded = [method.encoder(view) for view in images]
    ours = nac.nac_loss(
        torch.stack([one.activations for one in encoded]),
        torch.stack([method.inference(one.features) / math.sqrt(BITS) for one in encoded]),
        flip_probability=FLIP,
        generator=torch.Generator().manual_seed(0),
    )

    constant = BITS * math.log(2) + BITS / 2 * math.log(FLIP * (1 - FLIP)) - math.log(2 * BATCH)
    assert ours.total.item() == pytest.approx(theirs.item() + constant, abs=1e-9)
    assert channel.log_odds(FLIP) == pytest.approx(math.log((1 - FLIP) / FLIP))
