"""Queue, bank and momentum network against lists of Python numbers, over many steps."""

import copy
import io
import itertools
import random
from typing import Any

import pytest
import torch
from test_methods import TinyEncoder
from torch import Tensor, nn
from torch.nn.functional import normalize

from nachash.errors import UsageError
from nachash.methods._momentum_network import MomentumNetwork
from nachash.methods._queue import Queue, fitted_size
from nachash.methods.insdis import InsDis
from nachash.objective import Loss, Scale

BITS = TinyEncoder.bits


def reloaded(module: nn.Module, fresh: nn.Module) -> Any:
    """The fresh module with the other's state, through a file."""
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    return fresh


@pytest.mark.parametrize("size", [1, 5, 8])
def test_a_queue_keeps_the_newest_rows_whatever_comes_at_once(size: int) -> None:
    dice = random.Random(size)
    queue, model = Queue(size, 2), []
    number = itertools.count(1)

    for step in range(60):
        rows = [[float(next(number))] * 2 for _ in range(dice.choice([1, 2, 3, 5, 12]))]
        queue.enqueue(torch.tensor(rows))
        model = [*model, *rows][-size:]
        if step % 7 == 0:
            queue = reloaded(queue, Queue(size, 2))
        assert sorted(queue.filled().tolist()) == model


def test_a_queue_overwrites_its_oldest_rows_in_turn() -> None:
    queue = Queue(5, 1)

    for first in (0, 3, 6, 9):
        queue.enqueue(torch.arange(first, first + 3.0)[:, None])

    assert queue.filled().flatten().tolist() == [10.0, 11.0, 7.0, 8.0, 9.0]


def test_a_queue_without_room_is_refused() -> None:
    with pytest.raises(UsageError, match="a queue of 0 keys holds none"):
        Queue(0, 4)


@pytest.mark.parametrize(
    ("images", "batch", "size"),
    [(50_000, 128, 4096), (1297, 128, 1169), (150, 128, 128), (16, 16, 16), (4224, 128, 4096)],
)
def test_a_queue_fits_the_images_that_are_not_in_a_batch(
    images: int, batch: int, size: int
) -> None:
    assert fitted_size("auto", Scale(images, batch)) == size
    assert fitted_size(7, Scale(images, batch)) == 7


def small_network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def numbers(network: nn.Module) -> list[float]:
    return [
        number
        for tensor in network.state_dict().values()
        if tensor.is_floating_point()
        for number in tensor.flatten().tolist()
    ]


@pytest.mark.parametrize("momentum", [0.0, 0.9, 0.99])
def test_a_momentum_network_averages_weights_and_statistics(momentum: float) -> None:
    network = small_network(0).double()
    average = MomentumNetwork(network, momentum)
    model = numbers(network)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01)

    for step in range(30):
        optimiser.zero_grad()
        inputs = torch.randn(6, 3, generator=torch.Generator().manual_seed(step)).double()
        network(inputs).square().sum().backward()
        optimiser.step()
        average.follow(network)
        if step % 8 == 0:
            average = reloaded(average, MomentumNetwork(small_network(1).double(), momentum))
        newest = numbers(network)
        model = [momentum * a + (1 - momentum) * b for a, b in zip(model, newest, strict=True)]

    assert numbers(average.network) == pytest.approx(model, rel=1e-9)
    assert average.state_dict()["network.1.num_batches_tracked"] == 30


def test_a_key_depends_on_its_own_view_alone_and_carries_no_gradient() -> None:
    average = MomentumNetwork(small_network(0), 0.9)
    average.train()
    inputs = torch.randn(6, 3)

    together, alone = average(inputs), torch.cat([average(row) for row in inputs.split(1)])

    torch.testing.assert_close(together, alone)
    assert not together.requires_grad
    assert not any(weight.requires_grad for weight in average.parameters())


def test_a_momentum_network_stands_apart_from_the_network_it_copies() -> None:
    network = small_network(0)
    average = MomentumNetwork(network, 0.9)
    before = copy.deepcopy(average.state_dict())

    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(1.0)

    assert all(torch.equal(before[name], tensor) for name, tensor in average.state_dict().items())
    assert all(weight.requires_grad for weight in network.parameters())


@pytest.mark.parametrize("momentum", [1.0, -0.1])
def test_a_momentum_that_no_average_has_is_refused(momentum: float) -> None:
    with pytest.raises(UsageError, match="does not lie from 0 to below 1"):
        MomentumNetwork(small_network(0), momentum)


def bank_of(seed: int) -> InsDis:
    torch.manual_seed(seed)
    return InsDis(TinyEncoder(), 7, negatives=4, momentum=0.5, temperature=0.1).double()


def test_a_bank_moves_the_rows_of_the_images_that_were_seen() -> None:
    method = bank_of(0)
    model: list[list[float]] = method.bank.tolist()
    dice = random.Random(0)

    for step in range(40):
        positions = dice.sample(range(7), 3)
        vectors = normalize(
            torch.randn(3, BITS, generator=torch.Generator().manual_seed(step)).double(), dim=1
        )
        method.after_step(remembering(torch.tensor(positions), vectors, 5.0))
        for position, vector in zip(positions, vectors.tolist(), strict=True):
            moved = [0.5 * a + 0.5 * b for a, b in zip(model[position], vector, strict=True)]
            length = sum(number**2 for number in moved) ** 0.5
            model[position] = [number / length for number in moved]
        if step % 9 == 0:
            method = reloaded(method, bank_of(1))

    torch.testing.assert_close(method.bank, torch.tensor(model).double(), rtol=1e-6, atol=1e-6)
    assert method.log_z.item() == 5.0


def remembering(positions: Tensor, vectors: Tensor, log_z: float) -> Loss:
    log_z_tensor = torch.tensor(log_z).double()
    return Loss(torch.zeros(()), {}, vectors, remembered=(positions, vectors, log_z_tensor))


def test_a_bank_begins_with_random_unit_vectors_of_the_seed() -> None:
    first, same, other = bank_of(0), bank_of(0), bank_of(1)

    torch.testing.assert_close(first.bank.norm(dim=1), torch.ones(7).double(), rtol=0, atol=1e-6)
    assert torch.equal(first.bank, same.bank)
    assert not torch.equal(first.bank, other.bank)


def test_a_queue_that_was_loaded_goes_on_where_it_was() -> None:
    queue, loaded = Queue(4, 2), Queue(4, 2)
    queue.enqueue(torch.ones(3, 2))

    loaded.load_state_dict(queue.state_dict())

    assert len(loaded.filled()) == 3
    for one in (queue, loaded):
        one.enqueue(torch.full((2, 2), 2.0))
    assert torch.equal(loaded.rows, queue.rows)
