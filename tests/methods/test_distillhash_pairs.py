"""DistillHash: confident pairs by loops over all neighbours, neighbours by sorting, its loss."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from nachash import plugins
from nachash.encoders.encoder import Encoded, Head
from nachash.errors import UsageError
from nachash.methods import _neighbours, distillhash
from nachash.methods._neighbours import nearest
from nachash.methods.distillhash import confident_pairs, pair_likelihood_loss
from nachash.methods.ssdh import ssdh_loss
from nachash.objective import Batch, Scale

FEATURES = 12


def unit_rows(images: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(images, FEATURES, generator=generator), dim=1)


@pytest.mark.parametrize("numbers", [1, 100, 1 << 24])
def test_neighbours_of_blocks_are_those_of_sorting_all(numbers: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(_neighbours, "_MOST_NUMBERS", numbers)
    rows = unit_rows(30)

    found = nearest(rows, 4)

    for i in range(30):
        cosines = [
            sum(a * b for a, b in zip(rows[i].tolist(), r, strict=True)) for r in rows.tolist()
        ]
        assert found[i].tolist() == sorted(range(30), key=lambda j: -cosines[j])[:4]
        assert found[i, 0] == i


def literal_rule(outputs: Tensor, neighbours: Tensor, positions: Tensor) -> list[list[int]]:
    """For each pair: a and b over all neighbours of i and all of j, then the two comparisons."""

    def likelihood(n: int, m: int) -> float:
        inner = sum(x * y for x, y in zip(outputs[n].tolist(), outputs[m].tolist(), strict=True))
        return 1 / (1 + math.exp(-inner / 2))

    labels = []
    for i in positions.tolist():
        labels.append([])
        for j in positions.tolist():
            around = [
                likelihood(n, m) for n in neighbours[i].tolist() for m in neighbours[j].tolist()
            ]
            a = min(around)
            b = min(1 - p for p in around)
            p = likelihood(i, j)
            labels[-1].append(1 if p > (1 + a) / 2 else -1 if p < (1 - b) / 2 else 0)
    return labels


@pytest.mark.parametrize("numbers", [1, 500, 1 << 20])
@pytest.mark.parametrize("seed", [0, 1])
def test_confident_pairs_are_those_of_the_rule(numbers: int, seed: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(distillhash, "_MOST_NUMBERS", numbers)
    generator = torch.Generator().manual_seed(seed)
    outputs = (2 * torch.randn(25, 6, dtype=torch.float64, generator=generator)).tanh().float()
    neighbours = nearest(unit_rows(25, seed), 3)
    positions = torch.randperm(25, generator=generator)[:12]

    found = confident_pairs(outputs, neighbours, positions)

    expected = literal_rule(outputs.double(), neighbours, positions)
    assert found.tolist() == expected
    assert {-1, 0, 1} == {label for row in expected for label in row}


def test_long_codes_do_not_round_the_likelihood_to_one() -> None:
    """512 equal bits: P is 1 - e^-256, and a neighbour at half the agreement is less sure."""
    sure = torch.ones(3, 512)
    sure[2, :128] = -1
    neighbours = torch.tensor([[0, 2], [1, 2], [2, 2]])

    found = confident_pairs(sure, neighbours, torch.tensor([0, 1]))

    assert found.tolist() == [[1, 1], [1, 1]]


def drawn_pairs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    relaxed = torch.randn(5, 4, dtype=torch.float64, generator=generator).tanh()
    return relaxed, torch.randint(-1, 2, (5, 5), generator=generator).double()


def test_the_loss_is_the_mean_likelihood_of_labelled_pairs_and_so_is_its_gradient() -> None:
    relaxed, labels = drawn_pairs()
    terms = []
    for i in range(5):
        for j in range(5):
            inner = sum(
                a * b for a, b in zip(relaxed[i].tolist(), relaxed[j].tolist(), strict=True)
            )
            similar = 1 / (1 + math.exp(-inner / 2))
            if labels[i, j]:
                terms.append(-math.log(similar if labels[i, j] > 0 else 1 - similar))

    found = pair_likelihood_loss(relaxed, labels).item()

    assert found == pytest.approx(sum(terms) / len(terms), rel=1e-12)
    assert torch.autograd.gradcheck(
        lambda h: pair_likelihood_loss(h, labels), relaxed.requires_grad_()
    )


def test_a_batch_without_a_confident_pair_teaches_nothing() -> None:
    relaxed = drawn_pairs()[0].requires_grad_()

    loss = pair_likelihood_loss(relaxed, torch.zeros(5, 5, dtype=torch.float64))
    loss.backward()

    assert loss.item() == 0
    assert relaxed.grad is not None
    assert not relaxed.grad.any()


def built(**settings: Any) -> Any:
    torch.manual_seed(0)
    module = plugins.load("methods", "distillhash")
    return module.method(Head(FEATURES, 6, module.USUAL.head), Scale(40, 8), **settings)


def test_the_first_phase_is_ssdh_and_the_second_learns_from_confident_pairs() -> None:
    rows = unit_rows(40)
    outputs = 3 * torch.randn(40, 6, generator=torch.Generator().manual_seed(5))
    method, resumed = built(neighbours=3), built(neighbours=3)
    positions = torch.tensor([3, 30, 7, 21, 4, 33, 12, 38])
    batch = Batch(3 * rows[None, positions], positions, torch.Generator())
    relaxed = method.encoder(3 * rows[positions]).activations.tanh()

    method.prepare(lambda: Encoded(rows, torch.zeros(40, 6)), "train")
    first = method(batch).total.item()
    method.prepare(lambda: Encoded(rows, outputs), "retrain")
    second = method(batch)
    resumed.load_state_dict(method.state_dict())

    assert first == pytest.approx(ssdh_loss(relaxed, method.structure(positions)).item(), rel=1e-5)
    labels = torch.tensor(
        literal_rule(outputs.double().tanh(), nearest(rows, 3), positions), dtype=torch.float32
    ).fill_diagonal_(0)
    assert second.total.item() == pytest.approx(
        pair_likelihood_loss(relaxed, labels).item(), rel=1e-5
    )
    assert second.parts["similar_share"].item() == pytest.approx((labels > 0).sum().item() / 56)
    assert resumed(batch).total.item() == second.total.item()


def test_a_small_training_set_has_fewer_neighbours() -> None:
    method = built(neighbours=100)

    assert method.neighbours.shape == (40, 40)


def test_no_neighbours_are_refused() -> None:
    with pytest.raises(UsageError, match="0 neighbours"):
        built(neighbours=0)
