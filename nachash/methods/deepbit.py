"""DeepBit: bits that are sharp, balanced, and the same for an image turned a little.

Lin, Lu, Chen, Zhou, "Learning compact binary descriptors with unsupervised deep neural networks",
CVPR 2016; code at github.com/kevinlin311tw/cvpr16-deepbit. Phase `train` learns sharp and balanced
bits, phase `rotate` adds the invariance under rotations of -10 to 10 degrees.

What is implemented are the published formulas. The gradients of the authors' Caffe layers are not
theirs: those of quantisation and balance write one number to every activation and cancel where the
two branches meet, and that of the rotations leaves out their weights. The balance has no gradient
by itself, being made of bits; it passes straight through to the activations.

Other deviations: an activation is the published output minus its threshold of 1/2. Two views, each
turned at random, take the place of an image and all of its rotations (`rotation_loss`). AdamW with
a cosine in each phase, at one rate, instead of momentum with a tenth of the rate in the second.
"""

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn

from nachash.errors import UsageError
from nachash.objective import Batch, Encoded, Encoder, Loss, Scale, Usual
from nachash.shapes import Float

USUAL: Final = Usual(pretrained=True, augment="rotation", head="linear")
_STEPS: Final = (-2, -1, 0, 1, 2)
_SUM_OF_WEIGHTS: Final = sum(math.exp(-(step**2) / 2) for step in _STEPS)


def quantisation_loss(activations: Float[Tensor, "n bits"]) -> Float[Tensor, ""]:
    """Mean over rows of ||b - f||^2, the outputs f = a + 1/2 and their bits b = 1(f > 1/2)."""
    targets = torch.where(activations > 0, 0.5, -0.5).to(activations)
    return (targets - activations).square().sum(dim=1).mean()


def balance_loss(activations: Float[Tensor, "n bits"]) -> Float[Tensor, ""]:
    """||m - 1/2||^2, m the mean over rows of the bits 1(a > 0).

    The gradient is that of the mean of a at the value of m: it passes straight through the sign.
    """
    bits = (activations > 0).to(activations)
    through = activations - activations.detach()
    return ((bits + through).mean(dim=0) - 0.5).square().sum()


def rotation_loss(activations: Float[Tensor, "2 batch bits"]) -> Float[Tensor, ""]:
    """W / 2 times the mean of ||f_k - f_l||^2, f_k and f_l outputs of two turned views.

    Published is L = sum_k w_k ||f_k - f_0||^2 over the angles 5 k degrees, w_k = exp(-k^2 / 2); the
    weights have the sum W = 2.48. Where k and l are drawn with probabilities p_k = w_k / W (the
    recipe `rotation`), with the mean m = sum_k p_k f_k, the expectation of this loss is

        W sum_k p_k ||f_k - m||^2 = L - W ||m - f_0||^2,

    the published loss with the mean output in place of that of the unturned image. It lies between
    L / W and L, and is 0 for the same outputs as L is.
    """
    first, second = activations
    return _SUM_OF_WEIGHTS / 2 * (first - second).square().sum(dim=1).mean()


class DeepBit(nn.Module):
    """The objective around an encoder, in two phases."""

    views: Final = 2
    phases: Final = ("train", "rotate")
    rotating: Tensor

    def __init__(self, encoder: Encoder, *, balance: float, rotation: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.balance, self.rotation = balance, rotation
        self.register_buffer("rotating", torch.tensor(data=False))
        self.settings = {"balance": balance, "rotation": rotation}

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        """Note the phase."""
        del encode
        self.rotating.fill_(phase == "rotate")

    def forward(self, batch: Batch) -> Loss:
        """The weighted sum of the losses of the phase; all three are reported."""
        activations = self.encoder(batch.views.flatten(0, 1)).activations
        with torch.autocast(activations.device.type, enabled=False):
            every = batch.gather(activations.float().view(2, -1, self.encoder.bits), dim=1)
            quantisation = quantisation_loss(every.flatten(0, 1))
            balance = balance_loss(every.flatten(0, 1))
            rotation = rotation_loss(every)
            weight = self.rotation * self.rotating
            total = quantisation + self.balance * balance + weight * rotation
        parts = {
            "quantisation": quantisation.detach(),
            "balance": balance.detach(),
            "rotation": rotation.detach(),
        }
        return Loss(total, parts, activations.detach())

    def after_step(self, loss: Loss) -> None:
        """Nothing: there is neither queue nor bank."""


def method(
    encoder: Encoder, scale: Scale, *, balance: float = 1.0, rotation: float = 1e-3
) -> DeepBit:
    """DeepBit around an encoder.

    Args:
        encoder: the network to learn.
        scale: plays no part.
        balance: weight of the balance of bits; published: 1.
        rotation: weight of the invariance under rotations; published: 0.001.

    Raises:
        UsageError: a negative weight.
    """
    del scale
    if balance < 0 or rotation < 0:
        raise UsageError(
            f"a weight of {min(balance, rotation):g} is negative",
            "--set balance=1 --set rotation=0.001",
        )
    return DeepBit(encoder, balance=balance, rotation=rotation)
