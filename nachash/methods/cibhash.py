"""CIBHash: SimCLR's loss on the bits themselves, and bits of two views that are equally sure.

Qiu, Su, Ou, Yu, Chen, "Unsupervised hashing with contrastive information bottleneck", IJCAI 2021;
code at github.com/zexuanqiu/CIBHash. With activations a, p = sigmoid(a) is the probability of a
bit and b = sgn(p - 1/2) the code, through which the gradient passes to p as it is:

    total = NT-Xent of b at tau + weight KL,
    KL = 1/2 mean_images sum_d [KL(p1_d || p2_d) + KL(p2_d || p1_d)],

without gradient to the second argument of either. The paper draws b from p; its code, and this
one, take the sign. Deviations from that code: the head is as wide as its features (theirs 1,024)
and ends with a batch norm without weights; logarithms are taken of the logits, which needs no 1e-8;
optimiser, length and views are those of nachash (theirs: Adam at 0.001, batches of 64, 60 epochs).
"""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from nachash.errors import UsageError
from nachash.methods.simclr import nt_xent
from nachash.objective import Batch, Encoded, Encoder, Loss, Scale, Usual
from nachash.shapes import Float

USUAL: Final = Usual(pretrained=True)


def straight_through(activations: Float[Tensor, "*n bits"]) -> Float[Tensor, "*n bits"]:
    """The codewords at +-1, with the gradient of sigmoid(a)."""
    probability = activations.sigmoid()
    codewords = torch.where(activations > 0, 1.0, -1.0).to(activations)
    return codewords + (probability - probability.detach())


def divergence(
    activations: Float[Tensor, "n bits"], others: Float[Tensor, "n bits"]
) -> Float[Tensor, ""]:
    """Mean over rows of the sum over bits of KL(sigmoid(a) || sigmoid(a')), in nats.

    No gradient reaches a'.
    """
    fixed = others.detach()
    on = activations.sigmoid() * (logsigmoid(activations) - logsigmoid(fixed))
    off = (-activations).sigmoid() * (logsigmoid(-activations) - logsigmoid(-fixed))
    return (on + off).sum(dim=1).mean()


class CIBHash(nn.Module):
    """The objective around an encoder."""

    views: Final = 2
    phases: Final = ("train",)

    def __init__(self, encoder: Encoder, *, temperature: float, weight: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.temperature, self.weight = temperature, weight
        self.settings = {"temperature": temperature, "weight": weight}

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        """Nothing: every step stands for itself."""

    def forward(self, batch: Batch) -> Loss:
        """Contrast of the codes, and the divergence of the views in both directions."""
        activations = self.encoder(batch.views.flatten(0, 1)).activations
        with torch.autocast(activations.device.type, enabled=False):
            every = batch.gather(activations.float().view(2, -1, self.encoder.bits), dim=1)
            contrast = nt_xent(straight_through(every), self.temperature)
            divergence_ = (divergence(every[0], every[1]) + divergence(every[1], every[0])) / 2
            total = contrast + self.weight * divergence_
        parts = {"contrast": contrast.detach(), "divergence": divergence_.detach()}
        return Loss(total, parts, activations.detach())

    def after_step(self, loss: Loss) -> None:
        """Nothing: there is neither queue nor bank."""


def method(
    encoder: Encoder, scale: Scale, *, temperature: float = 0.3, weight: float = 0.001
) -> CIBHash:
    """CIBHash around an encoder.

    Args:
        encoder: the network to learn.
        scale: plays no part.
        temperature: tau; published: 0.3.
        weight: of the divergence, the information that codes have of one view alone; published:
            0.001.

    Raises:
        UsageError: a temperature that is not positive, or a negative weight.
    """
    del scale
    if temperature <= 0 or weight < 0:
        raise UsageError(
            f"a temperature of {temperature:g} must be positive and a weight of {weight:g} "
            "not negative",
            "--set temperature=0.3 --set weight=0.001",
        )
    return CIBHash(encoder, temperature=temperature, weight=weight)
