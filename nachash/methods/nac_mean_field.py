"""Mean-field NAC: NAC's objective with every received code replaced by its mean; no noise.

With relaxed codewords z = tanh(a) of all views, the mean m = (1 - 2 p) z of what the channel of
flip probability p delivers, L = log((1 - p) / p), the next view j(i) of the image of i, and V
views of B images:

    total = -mean_i [ L/2 <m_i, z_j(i)> - log 1 / (V B - 1) sum_(k != i) exp(L/2 <m_i, z_k>) ]

With two views that is NT-Xent (Chen et al., 2020) on z / sqrt(D) without L2 normalisation, at
temperature 1 / (D (L/2) (1 - 2 p)), minus log(2B - 1): SimCLR with tanh in place of the unit
sphere. As the noise rises, so does the temperature. No bit is flipped, and it bounds nothing that
comes through the channel: it aims at what the relaxed codes of two views have in common.

From Park, Lee, Kim, Blei, ICML 2021 by that replacement, which is not published.
"""

from collections.abc import Callable
from typing import Final, Literal

import torch
from torch import Tensor, nn

from nachash import channel
from nachash.errors import UsageError
from nachash.methods._information_bound import (
    balanced_flip_probability,
    hard_codewords,
    information_bits,
    log_terms,
    most_information,
    next_view,
)
from nachash.methods._precision import at_least_single
from nachash.methods._schedule import ramp
from nachash.objective import Batch, Encoded, Encoder, Loss, Scale, Usual
from nachash.shapes import Float

USUAL: Final = Usual()
MIXTURES: Final = ("others", "all")


def mean_field_loss(
    activations: Float[Tensor, "views batch bits"], flip_probability: float, *, own: bool = False
) -> Float[Tensor, ""]:
    """The formula above, in nats; with `own`, k = i is in its sum, which is then over V B.

    Half precision is computed in fp32.
    """
    with torch.autocast(activations.device.type, enabled=False):
        relaxed = at_least_single(activations).tanh().flatten(0, 1)
        mean = (1 - 2 * flip_probability) * relaxed
        terms = log_terms(mean, relaxed, next_view(activations, None), flip_probability, own=own)
        return (terms.mixture - terms.posterior).mean()


@torch.no_grad()
def channel_information(
    activations: Float[Tensor, "views batch bits"],
    flip_probability: float,
    generator: torch.Generator,
) -> Float[Tensor, ""]:
    """What `nac` reports for these activations, in bits; it is measured with noise, not learnt."""
    views, batch, bits = activations.shape
    with torch.autocast(activations.device.type, enabled=False):
        hard = hard_codewords(at_least_single(activations).flatten(0, 1))
        noisy = channel.transmit(hard, flip_probability, generator)
        explained = next_view(activations, None)
        information = information_bits(noisy, hard, explained, flip_probability)
    return information.clamp(max=most_information(bits, views * batch, flip_probability))


class MeanFieldNAC(nn.Module):
    """The objective around an encoder, over two views."""

    views: Final = 2
    phases: Final = ("train",)

    def __init__(self, encoder: Encoder, *, noise: tuple[float, float], mixture: str) -> None:
        super().__init__()
        self.encoder = encoder
        self.first, self.last = (channel.checked_flip_probability(one) for one in noise)
        self.own = mixture == "all"
        self.settings = {"noise": self.last, "first_noise": self.first, "mixture": mixture}

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        """Nothing: every step stands for itself."""

    def forward(self, batch: Batch) -> Loss:
        """The loss of two views; information and capacity of the channel are in bits."""
        noise = self.first + (self.last - self.first) * ramp(batch.share)
        activations = self.encoder(batch.views.flatten(0, 1)).activations
        every = batch.gather(activations.view(self.views, -1, self.encoder.bits), dim=1)
        total = mean_field_loss(every, noise, own=self.own)
        parts = {
            "mutual_information_bits": channel_information(every, noise, batch.generator),
            "capacity_bits": total.new_full((), channel.capacity(self.encoder.bits, noise)),
        }
        return Loss(total, parts, activations.detach())

    def after_step(self, loss: Loss) -> None:
        """Nothing: there is neither queue nor bank."""


def method(
    encoder: Encoder,
    scale: Scale,
    *,
    noise: float | Literal["auto"] = "auto",
    first_noise: float | Literal["same"] = "same",
    mixture: str = "others",
) -> MeanFieldNAC:
    """Mean-field NAC around an encoder.

    Args:
        encoder: the network to learn.
        scale: images per step decide what `auto` means.
        noise: flip probability p, or `auto`: `balanced_flip_probability`.
        first_noise: the p that training begins with; it rises to `noise` in a straight line over
            the first 70 % of the run.
        mixture: whether a code's own term is left out of the sum, `others`, or is in, `all`.

    Raises:
        UsageError: no channel has that noise, or there is no such mixture.
    """
    if mixture not in MIXTURES:
        raise UsageError(f"'{mixture}' is not a mixture", f"one of {', '.join(MIXTURES)}")
    if noise == "auto":
        noise = balanced_flip_probability(encoder.bits, MeanFieldNAC.views * scale.batch)
    first = noise if first_noise == "same" else first_noise
    return MeanFieldNAC(encoder, noise=(first, noise), mixture=mixture)
