"""Bi-half: every bit is on for exactly half of a batch, and codes are as alike as features are.

Li and van Gemert, "Deep unsupervised image hashing by maximizing bit entropy", AAAI 2021; code at
github.com/liyunqianggyn/Deep-Unsupervised-Image-Hashing. With activations U of a batch of N images,
each bit's codes B are +1 for the N/2 largest and -1 for the others, which is the nearest code with
the most entropy (an optimal transport). For pairs of images, one of either half of the batch,

    total = mean (cos(b_i, b_j) - cos(x_i, x_j))^2 + gamma / (2 N D) ||U - B||^2

with the features x; the gradient of B goes on to U as it is. The authors add that of the second
term, gamma (U - B) / (N D), in the backward pass of their layer and leave the term out of the loss.
Codes are the signs of U when training is over, as there. Deviations: optimiser and length are those
of nachash (theirs: SGD at 0.0001 for 300 epochs, batches of 32).
"""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, mse_loss

from nachash.errors import UsageError
from nachash.objective import Batch, Encoded, Encoder, Loss, Scale, Usual
from nachash.shapes import Float

USUAL: Final = Usual(pretrained=True, head="linear")


def halves(activations: Float[Tensor, "batch bits"]) -> Float[Tensor, "batch bits"]:
    """+1 where an activation is among the larger half of its bit's, rounded down, and else -1."""
    ranks = activations.argsort(dim=0, descending=True).argsort(dim=0)
    return torch.where(ranks < len(activations) // 2, 1.0, -1.0).to(activations)


def straight_through(activations: Float[Tensor, "batch bits"]) -> Float[Tensor, "batch bits"]:
    """`halves`, through which the gradient passes as it is."""
    return halves(activations) + (activations - activations.detach())


def pull(activations: Float[Tensor, "batch bits"]) -> Float[Tensor, ""]:
    """1 / (2 N D) ||U - B||^2, how far activations are from their codes."""
    return mse_loss(activations, halves(activations)) / 2


def similarity_loss(
    codewords: Float[Tensor, "batch bits"], features: Float[Tensor, "batch features"]
) -> Float[Tensor, ""]:
    """Mean squared difference of the cosines of codes and of features, over the batch's pairs.

    Row n of the first half goes with row n of the second; of an odd batch the last row is left out.
    """
    half = len(codewords) // 2
    similar, teacher = (
        cosine_similarity(rows[:half], rows[half : 2 * half], dim=1)
        for rows in (codewords, features)
    )
    return mse_loss(similar, teacher)


class BiHalf(nn.Module):
    """The objective around an encoder, whose features are the teacher."""

    views: Final = 1
    phases: Final = ("train",)

    def __init__(self, encoder: Encoder, *, gamma: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.gamma = gamma
        self.settings = {"gamma": gamma}

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        """Nothing: every step stands for itself."""

    def forward(self, batch: Batch) -> Loss:
        """The loss of one view of every image."""
        encoded = self.encoder(batch.views.flatten(0, 1))
        with torch.autocast(encoded.activations.device.type, enabled=False):
            activations = batch.gather(encoded.activations.float())
            features = batch.gather(encoded.features.float().detach())
            similarity = similarity_loss(straight_through(activations), features)
            distance = pull(activations)
            total = similarity + self.gamma * distance
        parts = {"similarity": similarity.detach(), "pull": distance.detach()}
        return Loss(total, parts, encoded.activations.detach())

    def after_step(self, loss: Loss) -> None:
        """Nothing: there is neither queue nor bank."""


def method(encoder: Encoder, scale: Scale, *, gamma: float = 6.0) -> BiHalf:
    """Bi-half around an encoder.

    Args:
        encoder: the network to learn.
        scale: plays no part.
        gamma: how strongly activations are pulled towards their codes; published: 6.

    Raises:
        UsageError: a negative gamma.
    """
    del scale
    if gamma < 0:
        raise UsageError(f"a gamma of {gamma:g} pushes codes away", "--set gamma=6")
    return BiHalf(encoder, gamma=gamma)
