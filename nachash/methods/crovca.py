"""CroVCA: each view predicts the other's code, and all codes take up as much room as they can.

Moummad et al., "Image hashing via cross-view code alignment in the age of foundation models", CVPR
workshops 2026, arXiv 2510.27584. Two views of an image predict each other's bits by a binary cross
entropy; the coding rate of the activations, the volume that they span, is made large, so that codes
do not all become one.

Formulas and constants are those of a public re-implementation made after the authors' code; the
paper itself was not at hand. The head is theirs (Linear, ReLU, Linear, batch norm), ours without
weights in the batch norm. Rate, weight decay and length of training are those of nachash.
"""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, normalize

from nachash.errors import UsageError
from nachash.objective import Batch, Encoded, Encoder, Loss, Scale, Usual
from nachash.shapes import Float

USUAL: Final = Usual(pretrained=True)


def alignment_loss(activations: Float[Tensor, "2 batch bits"]) -> Float[Tensor, ""]:
    """Mean cross entropy of each view's activations, as logits, for the other view's bits, in nats.

    1/2 [BCE(z1, 1(z2 > 0)) + BCE(z2, 1(z1 > 0))]; no gradient passes through the bits.
    """
    bits = (activations.detach() > 0).to(activations)
    return binary_cross_entropy_with_logits(activations, bits.flip(0))


def coding_rate(rows: Float[Tensor, "batch bits"], epsilon: float) -> Float[Tensor, ""]:
    """R = 1/2 log det(I + K / (B eps) V'V) (K + B) / (K B) of B rows of K bits.

    V are the rows, scaled to length 1. R is largest where the directions of the rows are spread
    evenly over all dimensions. The coding rate is that of Ma, Derksen, Hong, Wright, "Segmentation
    of multivariate mixed data via lossy data coding and compression", TPAMI 2007; the last factor
    makes it a mean instead of a sum.
    """
    batch, bits = rows.shape
    unit = normalize(rows, dim=1)
    spread = torch.eye(bits, dtype=rows.dtype, device=rows.device)
    spread = spread + bits / (batch * epsilon) * (unit.T @ unit)
    return torch.linalg.slogdet(spread).logabsdet / 2 * (bits + batch) / (bits * batch)


class CroVCA(nn.Module):
    """The objective around an encoder."""

    views: Final = 2
    phases: Final = ("train",)

    def __init__(self, encoder: Encoder, *, diversity: float, epsilon: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.diversity, self.epsilon = diversity, epsilon
        self.settings = {"diversity": diversity, "epsilon": epsilon}

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        """Nothing: every step stands for itself."""

    def forward(self, batch: Batch) -> Loss:
        """Alignment minus the mean coding rate of the two views."""
        activations = self.encoder(batch.views.flatten(0, 1)).activations
        with torch.autocast(activations.device.type, enabled=False):
            every = batch.gather(activations.float().view(2, -1, self.encoder.bits), dim=1)
            alignment = alignment_loss(every)
            rate = torch.stack([coding_rate(view, self.epsilon) for view in every]).mean()
            total = alignment - self.diversity * rate
        parts = {"alignment": alignment.detach(), "coding_rate": rate.detach()}
        return Loss(total, parts, activations.detach())

    def after_step(self, loss: Loss) -> None:
        """Nothing: there is neither queue nor bank."""


def method(
    encoder: Encoder, scale: Scale, *, diversity: float = 0.1, epsilon: float = 0.05
) -> CroVCA:
    """CroVCA around an encoder.

    Args:
        encoder: the network to learn.
        scale: plays no part.
        diversity: weight of the coding rate; published: 0.1.
        epsilon: squared error up to which the coding rate tells vectors apart; published: 0.05.

    Raises:
        UsageError: an epsilon that is not positive, or a negative weight.
    """
    del scale
    if epsilon <= 0 or diversity < 0:
        raise UsageError(
            f"epsilon {epsilon:g} must be positive and diversity {diversity:g} not negative",
            "--set epsilon=0.05 --set diversity=0.1",
        )
    return CroVCA(encoder, diversity=diversity, epsilon=epsilon)
