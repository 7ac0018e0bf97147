"""PCA-RR: the signs of the principal components after a random rotation.

The baseline "PCA-RR" of Gong and Lazebnik, "Iterative quantization: a procrustean approach to
learning binary codes", CVPR 2011; the rotation by itself: Jegou, Douze, Schmid, Perez, "Aggregating
local descriptors into a compact image representation", CVPR 2010. Components of little variance
get as much of a bit as those of much; a rotation spreads the variance. It is what `itq` begins
with. Nothing is trained.
"""

from functools import partial
from typing import Final

import numpy as np
import torch

from nachash.methods._projection import FittedProjection, Projection, checked_directions
from nachash.methods.pca import principal_components
from nachash.objective import LinearEncoder, Scale, Usual
from nachash.shapes import Float32

USUAL: Final = Usual(pretrained=True, head="linear")


def rotated_components(
    features: Float32[np.ndarray, "images features"], bits: int, *, seed: int
) -> Projection:
    """R W (x - m): the principal components W (x - m), and R orthogonal, drawn uniformly by `seed`.

    Raises:
        TrainingError: there are fewer images than bits.
    """
    weight, bias = principal_components(features, bits)
    square = np.random.default_rng(seed).standard_normal((bits, bits))
    rotation, triangle = np.linalg.qr(square)
    # Signs of the diagonal: without them QR prefers some rotations (Mezzadri, Notices AMS 2007).
    rotation = (rotation * np.sign(np.diag(triangle))).astype(np.float32)
    return Projection(rotation @ weight, rotation @ bias)


def method(encoder: LinearEncoder, scale: Scale) -> FittedProjection:
    """PCA of an encoder's features, rotated; torch's own generator draws the rotation.

    Args:
        encoder: whose head, one linear layer, is computed.
        scale: plays no part.

    Raises:
        UsageError: more bits than features.
    """
    del scale
    seed = int(torch.randint(2**31 - 1, ()))
    fit = partial(rotated_components, bits=checked_directions(encoder), seed=seed)
    return FittedProjection(encoder, fit, {})
