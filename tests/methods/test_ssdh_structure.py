"""SSDH: its histogram, thresholds, structure and loss against the whole matrix of distances."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nachash import plugins
from nachash.encoders.encoder import Encoded, Head
from nachash.errors import UsageError
from nachash.methods import _similarity_structure
from nachash.methods._similarity_structure import distance_counts, structure, thresholds
from nachash.methods.ssdh import ssdh_loss
from nachash.objective import Batch, Scale

FEATURES = 16


def clustered(images: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    clusters = torch.randn(5, FEATURES, generator=generator) + 0.7
    chosen = torch.randint(0, 5, (images,), generator=generator)
    rows = clusters[chosen] + 0.8 * torch.randn(images, FEATURES, generator=generator)
    return torch.nn.functional.normalize(rows, dim=1)


def all_distances(rows: Tensor) -> np.ndarray:
    """Of all pairs i < j, one by one."""
    vectors = rows.double().tolist()
    return np.array(
        [
            1 - sum(a * b for a, b in zip(vectors[i], vectors[j], strict=True))
            for i in range(len(vectors))
            for j in range(i + 1, len(vectors))
        ]
    )


def naive_thresholds(distances: np.ndarray, alpha: float, beta: float) -> tuple[float, float]:
    """The rule on distances themselves: each half with its mirror image, fitted by a Gaussian."""
    counts, edges = np.histogram(distances, bins=200, range=(0, 2))
    mode = edges[counts.argmax()] + 0.005
    left, right = distances[distances < mode], distances[distances > mode]
    mirrored = [np.concatenate((half, 2 * mode - half)) for half in (left, right)]
    near, far = ((half.mean(), half.std()) for half in mirrored)
    return near[0] - alpha * near[1], far[0] + beta * far[1]


@pytest.mark.parametrize("block", [7, 32, 1024])
def test_counts_of_blocks_are_those_of_the_whole(block: int, monkeypatch: Any) -> None:
    rows = clustered(90)
    monkeypatch.setattr(_similarity_structure, "_BLOCK", block)

    counts = distance_counts(rows)

    expected = np.histogram(all_distances(rows), bins=2000, range=(0, 2))[0]
    assert counts.sum() == 90 * 89 // 2
    # Single precision may put a distance at an edge into the bin beside it.
    assert np.abs(np.cumsum(counts.numpy()) - np.cumsum(expected)).max() <= 2


@pytest.mark.parametrize(("alpha", "beta"), [(2.0, 2.0), (1.0, 3.0), (0.0, 0.0)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_thresholds_are_those_of_the_whole_matrix(seed: int, alpha: float, beta: float) -> None:
    rows = clustered(120, seed)

    found = thresholds(distance_counts(rows), alpha=alpha, beta=beta)

    assert found == pytest.approx(naive_thresholds(all_distances(rows), alpha, beta), abs=2e-3)


def test_a_sharp_distribution_has_its_limits_at_the_mode() -> None:
    counts = torch.zeros(2000, dtype=torch.int64)
    counts[405:415] = 3

    near, far = thresholds(counts, alpha=2.0, beta=2.0)

    assert near == pytest.approx(0.4, abs=0.02)
    assert far == pytest.approx(0.42, abs=0.02)
    assert near < far


def test_structure_marks_near_and_far_pairs() -> None:
    rows = clustered(40)
    distances = 1 - rows.double() @ rows.double().T

    found = structure(rows, torch.tensor([0.3, 0.8]))

    for i in range(40):
        for j in range(40):
            expected = 1 if distances[i, j] < 0.3 else -1 if distances[i, j] > 0.8 else 0
            assert found[i, j] == expected


def by_definition(relaxed: Tensor, similar: Tensor) -> float:
    total, count = 0.0, len(relaxed)
    for i in range(count):
        for j in range(count):
            inner = sum(
                a * b for a, b in zip(relaxed[i].tolist(), relaxed[j].tolist(), strict=True)
            )
            s = similar[i, j].item()
            total += abs(s) * (inner / relaxed.shape[1] - s) ** 2
    return total / count**2


def drawn_pairs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    relaxed = torch.randn(5, 4, dtype=torch.float64, generator=generator).tanh()
    similar = torch.randint(-1, 2, (5, 5), generator=generator).double()
    return relaxed, similar


def test_the_loss_is_its_definition_and_so_is_its_gradient() -> None:
    relaxed, similar = drawn_pairs()

    assert ssdh_loss(relaxed, similar).item() == pytest.approx(
        by_definition(relaxed, similar), rel=1e-12
    )
    assert torch.autograd.gradcheck(lambda h: ssdh_loss(h, similar), relaxed.requires_grad_())


def built(**settings: Any) -> Any:
    torch.manual_seed(0)
    module = plugins.load("methods", "ssdh")
    return module.method(Head(FEATURES, 6, module.USUAL.head), Scale(60, 8), **settings)


def test_a_batch_is_trained_on_the_structure_of_its_images_as_they_are() -> None:
    rows = clustered(60) * torch.linspace(1, 9, 60)[:, None]  # lengths play no part
    method = built(alpha=1.0, beta=0.5)
    method.prepare(lambda: Encoded(rows, torch.zeros(60, 6)), "train")
    positions = torch.tensor([3, 50, 7, 21, 4, 33, 12, 58])
    views = torch.randn(1, 8, FEATURES, generator=torch.Generator().manual_seed(1))

    loss = method(Batch(views, positions, torch.Generator()))

    near, far = naive_thresholds(all_distances(clustered(60)), 1.0, 0.5)
    unit = clustered(60).double()[positions]
    distances = 1 - unit @ unit.T
    similar = torch.where(distances < near, 1.0, torch.where(distances > far, -1.0, 0.0))
    relaxed = method.encoder(views[0]).activations.tanh()
    assert loss.total.item() == pytest.approx(by_definition(relaxed, similar), rel=1e-4)
    assert loss.parts["similar_share"].item() == pytest.approx(
        ((similar > 0).sum().item() - 8) / 56
    )
    assert loss.parts["dissimilar_share"].item() == pytest.approx((similar < 0).sum().item() / 56)


def test_what_was_found_of_the_features_is_in_a_checkpoint() -> None:
    method, resumed = built(), built()
    method.prepare(lambda: Encoded(clustered(60), torch.zeros(60, 6)), "train")
    batch = Batch(torch.ones(1, 8, FEATURES), torch.arange(8), torch.Generator())

    resumed.load_state_dict(method.state_dict())

    assert resumed(batch).total.item() == method(batch).total.item()
    assert method.state_dict()["structure.rows"].dtype == torch.float16


def test_a_negative_margin_is_refused() -> None:
    with pytest.raises(UsageError, match="-1 standard deviations"):
        built(alpha=-1.0)


def test_limits_are_finite_without_any_pair() -> None:
    limits = thresholds(distance_counts(clustered(1)), alpha=2.0, beta=2.0)

    assert all(math.isfinite(limit) for limit in limits)
