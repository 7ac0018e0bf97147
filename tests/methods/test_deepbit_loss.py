"""DeepBit's three terms against sums over images and bits, and what its rotations stand for."""

import math

import pytest
import torch
from torch import Tensor

from nachash import plugins
from nachash.encoders.encoder import Encoded, Head
from nachash.errors import UsageError
from nachash.methods.deepbit import balance_loss, quantisation_loss, rotation_loss
from nachash.objective import Batch, Scale

WEIGHTS = {k: math.exp(-(k**2) / 2) for k in (-2, -1, 0, 1, 2)}


def drawn(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def test_quantisation_is_the_squared_distance_of_outputs_to_their_bits() -> None:
    activations = drawn(6, 5)
    total = 0.0
    for row in activations.tolist():
        for activation in row:
            output = activation + 0.5
            total += ((1 if output > 0.5 else 0) - output) ** 2

    assert quantisation_loss(activations).item() == pytest.approx(total / 6, rel=1e-12)


def test_balance_is_the_squared_distance_of_the_mean_bits_to_one_half() -> None:
    activations = drawn(7, 5) + 0.7
    columns = activations.T.tolist()
    means = [sum(1 for a in column if a > 0) / 7 for column in columns]

    assert balance_loss(activations).item() == pytest.approx(
        sum((mean - 0.5) ** 2 for mean in means), rel=1e-12
    )


def test_the_gradient_of_the_balance_passes_straight_through_the_sign() -> None:
    """That of sum_d (m_d - 1/2)^2 if the mean bit m_d moved with the mean activation."""
    activations = (drawn(7, 5) + 0.7).requires_grad_()
    balance_loss(activations).backward()
    assert activations.grad is not None

    for d, column in enumerate(activations.detach().T.tolist()):
        mean = sum(1 for a in column if a > 0) / 7
        for slope in activations.grad[:, d].tolist():
            assert slope == pytest.approx(2 * (mean - 0.5) / 7, abs=1e-15)


def test_the_gradients_of_quantisation_and_rotation_are_those_of_their_values() -> None:
    activations = drawn(2, 3, 4).requires_grad_()

    assert torch.autograd.gradcheck(lambda a: quantisation_loss(a.flatten(0, 1)), activations)
    assert torch.autograd.gradcheck(rotation_loss, activations)


def test_the_expected_rotation_loss_is_the_published_one_about_the_mean_output() -> None:
    outputs = dict(zip(WEIGHTS, drawn(5, 4), strict=True))
    total_weight = sum(WEIGHTS.values())

    expected = sum(
        WEIGHTS[k] * WEIGHTS[m] / total_weight**2 * rotation_loss(
            torch.stack((outputs[k], outputs[m]))[:, None]
        ).item()
        for k in WEIGHTS
        for m in WEIGHTS
    )  # fmt: skip

    mean = sum(WEIGHTS[k] * outputs[k] for k in WEIGHTS) / total_weight
    about_mean = sum(WEIGHTS[k] * float(((outputs[k] - mean) ** 2).sum()) for k in WEIGHTS)
    published = sum(WEIGHTS[k] * float(((outputs[k] - outputs[0]) ** 2).sum()) for k in WEIGHTS)
    assert expected == pytest.approx(about_mean, rel=1e-12)
    assert published / total_weight <= expected <= published


def test_the_rotation_counts_in_the_second_phase_alone_and_a_checkpoint_says_which() -> None:
    module = plugins.load("methods", "deepbit")
    method = module.method(Head(6, 4, "linear"), Scale(20, 5), rotation=0.25)
    views = drawn(2, 5, 6).float()
    batch = Batch(views, torch.arange(5), torch.Generator())

    method.prepare(nothing, "train")
    first = method(batch)
    method.prepare(nothing, "rotate")
    second = method(batch)
    other = module.method(Head(6, 4, "linear"), Scale(20, 5), rotation=0.25)
    other.load_state_dict(method.state_dict())

    parts = second.parts
    assert first.total.item() == pytest.approx(
        (parts["quantisation"] + parts["balance"]).item(), rel=1e-6
    )
    assert (second.total - first.total).item() == pytest.approx(
        0.25 * parts["rotation"].item(), rel=1e-5
    )
    assert other(batch).total.item() == second.total.item()


def nothing() -> Encoded:
    raise AssertionError("DeepBit needs no encoded images")


def test_negative_weights_are_refused() -> None:
    with pytest.raises(UsageError, match="a weight of -1 is negative"):
        plugins.load("methods", "deepbit").method(Head(6, 4), Scale(20, 5), balance=-1.0)
