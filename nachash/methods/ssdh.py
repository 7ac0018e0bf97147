"""SSDH: codes that agree with what the distribution of feature distances says of a pair.

Yang, Deng, Liu, Liu, Tao, "Semantic structure-based unsupervised deep hashing", IJCAI 2018; code at
github.com/yangerkun/IJCAI2018_SSDH. The distribution of the cosine distances of pretrained features
is estimated by two half Gaussians; the pairs beyond alpha and beta standard deviations are taken
for similar (+1) and dissimilar (-1), the others say nothing.

Deviations from the authors' code: the histogram reaches to a distance of 2 instead of 1 and leaves
out an image's distance to itself; standard deviations come from bins ten times as fine; there is no
N x N matrix, S is computed for the pairs of each batch. Larger batches, since S is nearly empty for
the pairs of 24 images; AdamW with a cosine instead of Adam with an epsilon of 1. With a
frozen backbone the head learns from views of the image, S being that of the images as they are.
"""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from nachash.errors import UsageError
from nachash.methods._similarity_structure import distance_counts, structure, thresholds
from nachash.objective import Batch, Encoded, Encoder, Loss, Scale, Usual
from nachash.shapes import Float

USUAL: Final = Usual(pretrained=True, head="linear")


def ssdh_loss(
    relaxed: Float[Tensor, "batch bits"], similar: Float[Tensor, "batch batch"]
) -> Float[Tensor, ""]:
    """Mean over all pairs i, j of |S_ij| (<h_i, h_j> / K - S_ij)^2.

    `relaxed` holds the codewords h in (-1, 1) of K bits, `similar` S in {-1, 0, +1}. A pair of an
    image with itself counts: it draws h towards +-1.
    """
    agreement = relaxed @ relaxed.T / relaxed.shape[1]
    return (similar.abs() * (agreement - similar).square()).mean()


class Structure(nn.Module):
    """The features of all images and the two limits, as buffers, so that a checkpoint has them."""

    rows: Tensor
    limits: Tensor

    def __init__(self, images: int, features: int, *, alpha: float, beta: float) -> None:
        super().__init__()
        self.alpha, self.beta = alpha, beta
        self.register_buffer("rows", torch.zeros(images, features, dtype=torch.float16))
        self.register_buffer("limits", torch.zeros(2))

    def learn(self, features: Float[Tensor, "images features"]) -> None:
        """Keep the features of all images, and where their distances put the limits."""
        self.rows.copy_(normalize(features.float(), dim=1))
        limits = thresholds(distance_counts(self.rows), alpha=self.alpha, beta=self.beta)
        self.limits.copy_(torch.tensor(limits))

    def forward(self, positions: Tensor) -> Float[Tensor, "batch batch"]:
        """S of the images at some positions."""
        return structure(self.rows[positions], self.limits)


def shares(similar: Float[Tensor, "batch batch"]) -> dict[str, Float[Tensor, ""]]:
    """The shares of pairs of different images that are similar and dissimilar."""
    pairs = max(similar.numel() - len(similar), 1)
    alike = (similar > 0).sum() - (similar.diagonal() > 0).sum()
    return {"similar_share": alike / pairs, "dissimilar_share": (similar < 0).sum() / pairs}


class SSDH(nn.Module):
    """The objective around an encoder."""

    views: Final = 1
    phases: Final = ("train",)

    def __init__(self, encoder: Encoder, scale: Scale, *, alpha: float, beta: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.structure = Structure(scale.images, encoder.features, alpha=alpha, beta=beta)
        self.settings = {"alpha": alpha, "beta": beta}

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        """Look at the distances of the features as they are before training."""
        del phase
        self.structure.learn(encode().features)

    def forward(self, batch: Batch) -> Loss:
        """The loss of all pairs of the batch."""
        activations = self.encoder(batch.views.flatten(0, 1)).activations
        similar = self.structure(batch.gather(batch.positions))
        with torch.autocast(activations.device.type, enabled=False):
            total = ssdh_loss(batch.gather(activations.float().tanh()), similar)
        return Loss(total, shares(similar), activations.detach())

    def after_step(self, loss: Loss) -> None:
        """Nothing: the structure stays as it was found."""


def checked_margins(alpha: float, beta: float) -> None:
    """Nothing comes back.

    Raises:
        UsageError: a number of standard deviations that is negative.
    """
    if alpha < 0 or beta < 0:
        raise UsageError(
            f"{min(alpha, beta):g} standard deviations are no margin", "--set alpha=2 --set beta=2"
        )


def method(encoder: Encoder, scale: Scale, *, alpha: float = 2.0, beta: float = 2.0) -> SSDH:
    """SSDH around an encoder.

    Args:
        encoder: the network to learn; its features before training say which pairs are similar.
        scale: the number of images is the number of features that are kept.
        alpha: standard deviations below the mode from which on a pair is similar.
        beta: standard deviations above the mode from which on a pair is dissimilar.

    Raises:
        UsageError: a negative alpha or beta.
    """
    checked_margins(alpha, beta)
    return SSDH(encoder, scale, alpha=alpha, beta=beta)
