"""ITQ: principal components, rotated so that little is lost by taking their signs.

Gong and Lazebnik, "Iterative quantization: a procrustean approach to learning binary codes",
CVPR 2011. With the principal components V of all features, an orthogonal R is sought that makes the
quantisation error ||B - V R'||^2 small, from a random one by turns: the codewords B = sgn(V R'),
then the best R for them, which a singular value decomposition gives. Nothing is trained.

Not FAISS's `ITQMatrix`: up to version 1.15 it multiplies U by V instead of V' after the
decomposition U S V', so that the error does not fall from turn to turn (tests/methods has the
measurement). Nor its `ITQTransform`, which also scales centred features to length 1, which is not
published and not linear.
"""

from functools import partial
from typing import Final

import numpy as np
import torch

from nachash.errors import UsageError
from nachash.methods._projection import FittedProjection, Projection, checked_directions
from nachash.methods.pca import principal_components
from nachash.objective import LinearEncoder, Scale, Usual
from nachash.shapes import Float32, Float64

USUAL: Final = Usual(pretrained=True, head="linear")


def quantising_rotation(
    components: Float32[np.ndarray, "images bits"], *, iterations: int, seed: int
) -> Float64[np.ndarray, "bits bits"]:
    """R such that the signs of V R' are near to V R', V the components; no turn is a step back.

    With B = sgn(V R') held, ||B - V R'||^2 is least for R = U W', where B' V = U S W' is a singular
    value decomposition (Schoenemann, "A generalized solution of the orthogonal procrustes problem",
    Psychometrika 1966).
    """
    bits = components.shape[1]
    exact = components.astype(np.float64)
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((bits, bits))).Q
    for _ in range(iterations):
        codewords = np.where(exact @ rotation.T > 0, 1.0, -1.0)
        left, _, right = np.linalg.svd(codewords.T @ exact)
        rotation = left @ right
    return rotation


def iterative_quantisation(
    features: Float32[np.ndarray, "images features"], bits: int, *, iterations: int, seed: int
) -> Projection:
    """The rotated principal components; `seed` draws the rotation to begin with.

    Raises:
        TrainingError: there are fewer images than bits.
    """
    weight, bias = principal_components(features, bits)
    components = features @ weight.T + bias
    rotation = quantising_rotation(components, iterations=iterations, seed=seed).astype(np.float32)
    return Projection(rotation @ weight, rotation @ bias)


def method(encoder: LinearEncoder, scale: Scale, *, iterations: int = 50) -> FittedProjection:
    """ITQ of an encoder's features; the first rotation is drawn by torch's own generator.

    Args:
        encoder: whose head, one linear layer, is computed.
        scale: plays no part.
        iterations: how often codewords and rotation are improved; the paper's 50.

    Raises:
        UsageError: more bits than features, or a number of iterations that is not positive.
    """
    del scale
    if iterations < 1:
        raise UsageError(f"{iterations} iterations are not possible", "--set iterations=50")
    fit = partial(
        iterative_quantisation,
        bits=checked_directions(encoder),
        iterations=iterations,
        seed=int(torch.randint(2**31 - 1, ())),
    )
    return FittedProjection(encoder, fit, {"iterations": iterations})
