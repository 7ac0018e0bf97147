"""SimCLR: views of one image attract, all others of the batch repel, by cosine similarity.

Chen, Kornblith, Norouzi, Hinton, "A Simple Framework for Contrastive Learning of Visual
Representations", ICML 2020. For hashing, as in the comparison of Park et al. (ICML 2021), the
projection is the activations themselves and the code is their sign. Deviation from common
public code: the logarithm of the sum is shifted by its largest term, so that nothing overflows.
"""

from collections.abc import Callable
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from nachash.errors import UsageError
from nachash.methods._schedule import ramp
from nachash.objective import Batch, Encoded, Encoder, Loss, Scale, Usual
from nachash.shapes import Float

USUAL: Final = Usual()


def nt_xent(
    activations: Float[Tensor, "views batch bits"], temperature: float
) -> Float[Tensor, ""]:
    """The normalised temperature-scaled cross entropy of two views, in nats.

    With unit vectors v of all 2B views, s_ij = <v_i, v_j> / tau and j(i) the other view of the
    image of i: mean over i of -log(exp s_ij(i) / sum_(k != i) exp s_ik). Source: equation 1 of
    Chen et al., 2020. Half precision is computed in fp32.
    """
    views, batch, _ = activations.shape
    if views != 2:
        raise ValueError(f"two views are compared, not {views}")
    with torch.autocast(activations.device.type, enabled=False):
        exact = activations if activations.dtype == torch.float64 else activations.float()
        vectors = normalize(exact.flatten(0, 1), dim=1)
        similarity = vectors @ vectors.T / temperature
        similarity = similarity.masked_fill(
            torch.eye(2 * batch, dtype=torch.bool, device=similarity.device), -torch.inf
        )
        other = torch.arange(2 * batch, device=similarity.device).roll(batch)
        return cross_entropy(similarity, other)


class SimCLR(nn.Module):
    """The objective around an encoder."""

    views: Final = 2
    phases: Final = ("train",)

    def __init__(self, encoder: Encoder, *, temperature: tuple[float, float]) -> None:
        super().__init__()
        self.encoder = encoder
        self.first, self.last = temperature
        self.settings = {"temperature": self.last, "first_temperature": self.first}

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        """Nothing: every step stands for itself."""

    def forward(self, batch: Batch) -> Loss:
        """The loss of two views."""
        activations = self.encoder(batch.views.flatten(0, 1)).activations
        every = batch.gather(activations.view(2, -1, self.encoder.bits), dim=1)
        temperature = self.first * (self.last / self.first) ** ramp(batch.share)
        total = nt_xent(every, temperature)
        return Loss(total, {"contrast": total.detach()}, activations.detach())

    def after_step(self, loss: Loss) -> None:
        """Nothing: there is neither queue nor bank."""


def method(
    encoder: Encoder,
    scale: Scale,
    *,
    temperature: float = 0.5,
    first_temperature: float | Literal["same"] = "same",
) -> SimCLR:
    """SimCLR around an encoder.

    Args:
        encoder: the network to learn.
        scale: plays no part.
        temperature: tau; the paper's 0.5 for CIFAR-10. Higher ones suit short codes and heads on
            frozen features.
        first_temperature: the one that training begins with; it becomes `temperature` by equal
            factors over the first 70 % of the run. Not published: the counterpart of the
            rising noise of `nac`, so that the two can be compared.

    Raises:
        UsageError: a temperature that is not positive.
    """
    del scale
    first = temperature if first_temperature == "same" else first_temperature
    for one in (first, temperature):
        if one <= 0:
            raise UsageError(f"a temperature of {one:g} is not positive", "--set temperature=0.5")
    return SimCLR(encoder, temperature=(first, temperature))
