"""LSH: the sides of random hyperplanes through the mean of the features.

Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002: with Gaussian
directions, two vectors at angle t differ in a share t / pi of the bits on average. The published
planes go through the origin; features after a ReLU lie to one side of it and share most bits there,
so that here the planes go through their mean, and the angle is that of centred features.

Not FAISS's `RandomRotationMatrix`, whose directions are orthogonal to one another: another method
(super-bit LSH), with less variance, and without the independence of bits that LSH is known for.
"""

from functools import partial
from typing import Final

import numpy as np
import torch

from nachash.methods._projection import FittedProjection, Projection
from nachash.objective import LinearEncoder, Scale, Usual
from nachash.shapes import Float32

USUAL: Final = Usual(pretrained=True, head="linear")


def random_hyperplanes(
    features: Float32[np.ndarray, "images features"], bits: int, *, seed: int
) -> Projection:
    """W (x - m): m the mean feature, W standard normal."""
    size = (bits, features.shape[1])
    weight = np.random.default_rng(seed).standard_normal(size, dtype=np.float32)
    return Projection(weight, -weight @ features.mean(axis=0, dtype=np.float64).astype(np.float32))


def method(encoder: LinearEncoder, scale: Scale) -> FittedProjection:
    """LSH of an encoder's features; the planes are drawn by torch's own generator.

    Args:
        encoder: whose head, one linear layer, is computed.
        scale: plays no part.
    """
    del scale
    seed = int(torch.randint(2**31 - 1, ()))
    return FittedProjection(encoder, partial(random_hyperplanes, bits=encoder.bits, seed=seed), {})
