"""PCA hashing: the signs of the largest principal components of the features.

The baseline "PCA-Direct" of Gong and Lazebnik, "Iterative quantization: a procrustean approach to
learning binary codes", CVPR 2011. Computed by FAISS's `PCAMatrix`; nothing is trained.
"""

from functools import partial
from typing import Final

import faiss
import numpy as np

from nachash.methods._projection import (
    FittedProjection,
    Projection,
    checked_directions,
    checked_images,
)
from nachash.objective import LinearEncoder, Scale, Usual
from nachash.shapes import Float32

USUAL: Final = Usual(pretrained=True, head="linear")


def principal_components(features: Float32[np.ndarray, "images features"], bits: int) -> Projection:
    """W (x - m): m the mean feature, the rows of W the `bits` unit directions of most variance.

    Raises:
        TrainingError: there are fewer images than bits.
    """
    checked_images(features, bits)
    found = faiss.PCAMatrix(features.shape[1], bits)
    # All images count: left alone, FAISS draws a sample from a thousand per dimension on.
    found.max_points_per_d = len(features)
    found.train(features)
    weight = faiss.vector_to_array(found.A).reshape(bits, -1)
    return Projection(weight, faiss.vector_to_array(found.b))


def method(encoder: LinearEncoder, scale: Scale) -> FittedProjection:
    """PCA of an encoder's features.

    Args:
        encoder: whose head, one linear layer, is computed.
        scale: plays no part.

    Raises:
        UsageError: more bits than features.
    """
    del scale
    fit = partial(principal_components, bits=checked_directions(encoder))
    return FittedProjection(encoder, fit, {})
