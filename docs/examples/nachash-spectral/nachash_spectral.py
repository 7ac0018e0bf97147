"""Spectral: the spectral contrastive loss on relaxed codewords.

Source: HaoChen, Wei, Gaidon and Ma, "Provable guarantees for self-supervised deep learning with
spectral contrastive loss", NeurIPS 2021, with codewords z = tanh(a) / sqrt(bits) as features.
"""

from typing import Final

from torch import Tensor, nn

from nachash.objective import Batch, Encoder, Loss, Scale, Usual

USUAL: Final = Usual()


def spectral_loss(one: Tensor, other: Tensor, *, repulsion: float) -> Tensor:
    """-2 mean_i <z_i, z'_i> + r mean_{i != j} <z_i, z'_j>^2, of views z and z' of each image i."""
    products = one @ other.T
    together = products.diagonal().mean()
    apart = products.square().mean() - products.diagonal().square().mean() / len(one)
    return -2 * together + repulsion * apart * len(one) / (len(one) - 1)


class Spectral(nn.Module):
    """The loss around an encoder; `scale` plays no part."""

    views: Final = 2
    phases: Final = ("train",)

    def __init__(self, encoder: Encoder, *, repulsion: float) -> None:
        super().__init__()
        self.encoder, self.settings = encoder, {"repulsion": repulsion}

    def prepare(self, encode, phase: str) -> None:
        """Nothing to get ready."""

    def forward(self, batch: Batch) -> Loss:
        """The loss of the whole batch, over all processes."""
        activations = self.encoder(batch.views.flatten(0, 1)).activations.float()
        codewords = (activations.tanh() / activations.shape[-1] ** 0.5).chunk(2)
        total = spectral_loss(*map(batch.gather, codewords), **self.settings)
        return Loss(total, {"spectral": total.detach()}, activations.detach())

    def after_step(self, loss: Loss) -> None:
        """Nothing is remembered."""


def method(encoder: Encoder, scale: Scale, *, repulsion: float = 1.0) -> Spectral:
    """Spectral contrastive learning; `repulsion` weighs how strongly other images push apart."""
    del scale
    return Spectral(encoder, repulsion=repulsion)
