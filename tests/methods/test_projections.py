"""PCA, ITQ and LSH: their projections against numpy, and what is asked of an encoder."""

import itertools
import subprocess
import sys
from typing import Any

import faiss
import numpy as np
import pytest
import torch
from torch import Tensor

from nachash import plugins
from nachash.encoders.encoder import Encoded, Head
from nachash.errors import TrainingError, UsageError
from nachash.methods._projection import quantisation_error
from nachash.methods.itq import iterative_quantisation, quantising_rotation
from nachash.methods.lsh import random_hyperplanes
from nachash.methods.pca import principal_components
from nachash.objective import Batch, Scale

IMAGES, FEATURES, BITS = 300, 24, 8
NAMES = ["itq", "lsh", "pca", "pca-rotated"]


def features(images: int = IMAGES, seed: int = 0) -> np.ndarray:
    """Clustered, of different variance in every direction, far from the origin."""
    rng = np.random.default_rng(seed)
    clusters = 3 * rng.standard_normal((6, FEATURES))
    noise = rng.standard_normal((images, FEATURES)) * np.linspace(2, 0.1, FEATURES)
    return (clusters[rng.integers(0, 6, images)] + noise + 5).astype(np.float32)


def error_of(activations: np.ndarray) -> float:
    """||sgn(a) - a||^2 per row."""
    return sum((abs(value) - 1) ** 2 for value in activations.ravel().tolist()) / len(activations)


def fitted(name: str, seed: int = 0, **settings: Any) -> Any:
    torch.manual_seed(seed)
    head = Head(FEATURES, BITS, plugins.load("methods", name).USUAL.head)
    method = plugins.load("methods", name).method(head, Scale(IMAGES, 16), **settings)
    rows = torch.from_numpy(features())
    method.prepare(lambda: Encoded(rows, torch.zeros(IMAGES, BITS)), "fit")
    return method


def test_principal_components_are_those_of_the_singular_value_decomposition() -> None:
    rows = features()
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    directions = np.linalg.svd(centred)[2][:BITS]

    weight, bias = principal_components(rows, BITS)

    signs = np.sign((weight * directions).sum(axis=1))
    np.testing.assert_allclose(weight * signs[:, None], directions, atol=2e-4)
    expected = centred @ (directions * signs[:, None]).T
    np.testing.assert_allclose(rows @ weight.T + bias, expected, atol=5e-3)


def test_itq_turns_the_principal_components_and_loses_less_than_they() -> None:
    rows = features()
    weight, bias = principal_components(rows, BITS)
    components = rows @ weight.T + bias

    turned, shifted = iterative_quantisation(rows, BITS, iterations=50, seed=1)

    np.testing.assert_allclose(turned @ turned.T, np.eye(BITS), atol=1e-5)
    np.testing.assert_allclose(turned @ weight.T @ weight, turned, atol=1e-5)  # the same plane
    activations = rows @ turned.T + shifted
    np.testing.assert_allclose(
        np.linalg.norm(activations, axis=1), np.linalg.norm(components, axis=1), rtol=1e-3
    )
    # Codewords have a length of their own; brought to it, what is left is the angle.
    length = np.abs(components).mean()
    assert error_of(activations / length) < 0.9 * error_of(components / length)


def anisotropic() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.standard_normal((300, BITS)) * np.linspace(3, 0.5, BITS)).astype(np.float32)


def test_no_turn_of_itq_is_a_step_back_and_the_last_rotation_is_the_best_for_its_codewords() -> (
    None
):
    components = anisotropic()
    rotations = [quantising_rotation(components, iterations=n, seed=3) for n in range(1, 60)]

    errors = [error_of(components @ rotation.T) for rotation in rotations]

    assert all(after <= before + 1e-9 for before, after in itertools.pairwise(errors))
    best = rotations[-1]
    codewords = np.where(components @ best.T > 0, 1.0, -1.0)
    agreement = np.sum(codewords * (components @ best.T))
    rng = np.random.default_rng(1)
    for _ in range(200):
        slight = np.linalg.qr(best + 0.1 * rng.standard_normal((BITS, BITS)))
        near = slight.Q * np.sign(np.diag(slight.R))
        assert np.sum(codewords * (components @ near.T)) <= agreement


def test_the_itq_of_faiss_does_not_lower_the_error_and_ours_does() -> None:
    """Why it is not used. When this fails, FAISS's is mended and can take the place of ours."""
    components = anisotropic()
    faiss_errors = []
    for iterations in (1, 50):
        found = faiss.ITQMatrix(BITS)
        found.max_iter = iterations
        found.train(components)
        faiss_errors.append(error_of(found.apply(components)))
    ours = error_of(components @ quantising_rotation(components, iterations=50, seed=0).T)

    assert ours < 0.97 * min(faiss_errors)


def test_the_planes_of_lsh_go_through_the_mean_and_differ_by_the_angle() -> None:
    rows = features()
    weight, bias = random_hyperplanes(rows, 4096, seed=0)

    np.testing.assert_allclose(weight @ rows.mean(axis=0) + bias, 0, atol=1e-3)
    assert abs(weight.mean()) < 0.02
    assert weight.std() == pytest.approx(1, abs=0.02)
    centred = rows[:20].astype(np.float64) - rows.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    angles = np.arccos(np.clip(unit @ unit.T, -1, 1)) / np.pi
    bits = rows[:20] @ weight.T + bias > 0
    differing = (bits[:, None] != bits[None]).mean(axis=2)
    np.testing.assert_allclose(differing, angles, atol=5 * 0.5 / 4096**0.5)


@pytest.mark.parametrize("name", NAMES)
def test_the_head_gives_the_projection_and_nothing_is_left_to_train(name: str) -> None:
    method = fitted(name)
    rows = torch.from_numpy(features())
    projection = method.fit(features())

    activations = method.encoder(rows).activations.numpy()

    expected = features() @ projection.weight.T + projection.bias
    np.testing.assert_allclose(activations, expected, rtol=1e-3, atol=1e-3)
    assert not any(weight.requires_grad for weight in method.parameters())
    loss = method(Batch(rows[None, :16], torch.arange(16), torch.Generator()))
    assert loss.total.item() == pytest.approx(
        np.square(np.abs(expected[:16]) - 1).sum(axis=1).mean(), rel=1e-3
    )
    assert not loss.total.requires_grad


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides_and_nothing_else_does(name: str) -> None:
    first, again, other = (fitted(name, seed).encoder.state_dict() for seed in (0, 0, 1))

    assert all(torch.equal(first[key], again[key]) for key in first)
    assert torch.equal(first["0.weight"], other["0.weight"]) == (name == "pca")


def test_the_quantisation_error_is_the_squared_distance_to_the_codeword() -> None:
    activations = torch.tensor([[0.5, -2.0], [0.0, 1.0]])

    assert quantisation_error(activations).item() == (0.25 + 1 + 1 + 0) / 2


@pytest.mark.parametrize("name", ["itq", "pca"])
def test_more_bits_than_features_are_refused_with_a_way_out(name: str) -> None:
    with pytest.raises(UsageError, match="24 features have no 25 principal directions") as caught:
        plugins.load("methods", name).method(Head(FEATURES, 25, "linear"), Scale(IMAGES, 16))

    assert "--bits 24" in caught.value.hint


@pytest.mark.parametrize("name", ["itq", "pca"])
def test_fewer_images_than_bits_are_refused(name: str) -> None:
    method = plugins.load("methods", name).method(Head(FEATURES, BITS, "linear"), Scale(7, 7))
    few = Encoded(torch.from_numpy(features(7)), torch.zeros(7, BITS))

    with pytest.raises(TrainingError, match="7 images have no 8 principal directions"):
        method.prepare(lambda: few, "fit")


@pytest.mark.parametrize("name", NAMES)
def test_a_head_with_layers_cannot_be_computed(name: str) -> None:
    method = plugins.load("methods", name).method(Head(FEATURES, BITS), Scale(IMAGES, 16))
    rows: Tensor = torch.from_numpy(features())

    with pytest.raises(UsageError) as caught:
        method.prepare(lambda: Encoded(rows, torch.zeros(IMAGES, BITS)), "fit")

    assert caught.value.hint == "--head linear"


def test_itq_needs_an_iteration() -> None:
    with pytest.raises(UsageError, match="0 iterations"):
        fitted("itq", iterations=0)


def test_faiss_and_torch_work_in_one_process() -> None:
    """Each brings an OpenMP of its own; with several threads, before and after one another."""
    program = (
        "import torch, numpy as np\n"
        "a = torch.randn(400, 400)\n"
        "a @ a\n"
        "from nachash.methods.itq import iterative_quantisation\n"
        "rows = np.random.default_rng(0).standard_normal((2000, 64), dtype=np.float32)\n"
        "weight = iterative_quantisation(rows, 16, iterations=5, seed=0).weight\n"
        "print((a @ a).isfinite().all().item(), np.isfinite(weight).all())\n"
    )

    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )

    assert finished.stdout.split() == ["True", "True"], finished.stderr
