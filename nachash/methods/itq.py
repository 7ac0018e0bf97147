"""ITQ: principal components, rotated so that little is lost by taking their signs.

Gong and Lazebnik, "Iterative quantization: a procrustean approach to learning binary codes",
CVPR 2011. With the principal components V = W (x - m) of all features, an orthogonal R is sought
that makes the quantisation error ||B - V R||^2 small, from a random one by turns: the codewords
B = sgn(V R), then the best R for them by a singular value decomposition.

Computed by FAISS's `PCAMatrix` and `ITQMatrix`; nothing is trained. Not by its `ITQTransform`:
that scales each centred feature to length 1 first, which is neither published nor linear.
"""

from functools import partial
from typing import Final

import faiss
import numpy as np
import torch

from nachash.errors import UsageError
from nachash.methods import Encoder, Scale, Usual
from nachash.methods._projection import FittedProjection, Projection, checked_directions
from nachash.methods.pca import principal_components
from nachash.shapes import Float32

USUAL: Final = Usual(pretrained=True, head="linear")


def iterative_quantisation(
    features: Float32[np.ndarray, "images features"], bits: int, *, iterations: int, seed: int
) -> Projection:
    """The rotated principal components; `seed` draws the rotation to begin with.

    Raises:
        TrainingError: there are fewer images than bits.
    """
    weight, bias = principal_components(features, bits)
    found = faiss.ITQMatrix(bits)
    found.max_iter, found.seed = iterations, seed
    found.train(np.ascontiguousarray(features @ weight.T + bias))
    rotation = faiss.vector_to_array(found.A).reshape(bits, bits)
    return Projection(rotation @ weight, rotation @ bias)


def method(encoder: Encoder, scale: Scale, *, iterations: int = 50) -> FittedProjection:
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
