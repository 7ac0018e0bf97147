"""The published protocol is SGD with Nesterov momentum, step by step."""

import math

import numpy as np
import pytest
import torch

from nachash.probes import published


def batches(epochs, steps, seed=0):
    rng = np.random.default_rng(seed)
    return [
        [(rng.normal(size=(6, 3)), rng.integers(0, 4, 6)) for _ in range(steps)]
        for _ in range(epochs)
    ]


def test_the_layer_follows_the_published_update():
    data = batches(epochs=4, steps=5)
    tensors = [
        [(torch.tensor(x, dtype=torch.float32), torch.tensor(y)) for x, y in epoch]
        for epoch in data
    ]
    told = []

    layer = published.linear_layer(
        lambda epoch: tensors[epoch],
        features=3,
        classes=4,
        epochs=4,
        steps_per_epoch=5,
        generator=torch.Generator().manual_seed(7),
        device=torch.device("cpu"),
        report=lambda step, loss: told.append((step, loss)),
    )

    # By hand: v <- 0.9 v + g; w <- w - lr (g + 0.9 v), lr half a cosine over 20 steps.
    generator = torch.Generator().manual_seed(7)
    bound = 1 / math.sqrt(3)
    weight = (torch.rand(4, 3, generator=generator).double() * 2 - 1).numpy() * bound
    bias = (torch.rand(4, generator=generator).double() * 2 - 1).numpy() * bound
    speeds = [np.zeros((4, 3)), np.zeros(4)]
    losses = []
    for step, (rows, labels) in enumerate(batch for epoch in data for batch in epoch):
        logits = rows @ weight.T + bias
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        losses.append(-np.log(shares[np.arange(6), labels]).mean())
        error = (shares - np.eye(4)[labels]) / 6
        rate = 0.5 * (1 + math.cos(math.pi * step / 20))
        for part, gradient, speed in zip(
            (weight, bias), (error.T @ rows, error.sum(axis=0)), speeds, strict=True
        ):
            speed *= 0.9
            speed += gradient
            part -= rate * (gradient + 0.9 * speed)
    np.testing.assert_allclose(layer.weight.numpy(), weight, atol=1e-4)
    np.testing.assert_allclose(layer.bias.numpy(), bias, atol=1e-4)
    assert [step for step, _ in told] == list(range(1, 21))
    assert [loss for _, loss in told] == pytest.approx(losses, abs=1e-4)


def test_the_rate_falls_from_one_to_nearly_zero():
    rates = [published.rate(step, 100) for step in range(100)]

    assert rates[0] == 1.0
    assert rates[50] == pytest.approx(0.5)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.001
