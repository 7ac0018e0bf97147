"""NAC: Neural Activation Coding, the most information through a noisy channel.

Park, Lee, Kim, Blei, "Unsupervised Representation Learning via Neural Activation Coding",
ICML 2021; code at github.com/yookoon/nac.
"""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor, nn

from nachash import channel
from nachash.errors import UsageError
from nachash.methods._inference_network import inference_network
from nachash.methods._information_bound import (
    balanced_flip_probability,
    hard_codewords,
    information_bits,
    log_terms,
    most_information,
    next_view,
)
from nachash.methods._precision import at_least_single
from nachash.methods._schedule import late, ramp
from nachash.objective import Batch, Encoded, Encoder, Loss, Scale, Usual
from nachash.shapes import Float

USUAL: Final = Usual()
POSTERIORS: Final = ("channel", "network", "code", "both")


class NACLoss(NamedTuple):
    """The objective and its terms in nats; the mutual information in bits, without gradient."""

    total: Float[Tensor, ""]
    inference: Float[Tensor, ""]
    mixture: Float[Tensor, ""]
    mutual_information: Float[Tensor, ""]


def nac_loss(
    activations: Float[Tensor, "views batch bits"],
    logits: Float[Tensor, "views batch bits"] | None,
    *,
    flip_probability: float,
    generator: torch.Generator,
    own: bool = True,
    sampled: float = 1.0,
) -> NACLoss:
    """NAC's objective: for codes at +-1 minus a lower bound on I(X; C~), else a surrogate of it.

    I(X; C~) is the information that noisy codes carry of images.
    With relaxed codewords z = tanh(a), their noisy twins z~ (every sign flipped with
    probability p), the logits l that the next view of the same image gives for them, V views
    of B images, and sums over all V B codewords:

        total     = inference + mixture
        inference = - mean log Q(z~ | l),   log Q = 1/2 sum_d (z~_d l_d + log s(l_d) + log s(-l_d))
        mixture   = mean log (1 / V B) sum_k P(z~ | z_k)

    s is the sigmoid, P the channel's likelihood; the mixture contains the code itself and
    the other views. Both terms are variational: Q bounds the posterior, the mixture of a
    sample stands for the marginal (Poole et al., 2019). Without logits, Q(z~) is the channel's
    likelihood P(z~ | z') given the next view's code z', which at +-1 is Q with the logits L z': the
    authors' code with its switch `--VI` off (branch imagenet).
    Then the code itself may be left out of the mixture (`own`), whose sum is then over V B - 1:
    InfoNCE's bound on I(X'; C~), which no longer pushes codes towards zero.

    Only with the code itself in the mixture and codes at +-1 is this a bound on I(X; C~). Relaxed
    codes give a surrogate: all at zero they score D/2 log 1/(4 p (1 - p)), more than the capacity.
    Without `own` it is InfoNCE between views and may exceed I(X; C~): enumerated for four images
    and eight bits, 2.75 bits where the truth is 1.96 (tests/methods/test_bounds.py).

    With `sampled` below 1 only that share of the noise is drawn, and the rest shrinks what is
    received to the mean that it would have (`channel.receive`): a surrogate with less noise to
    learn through. At 0 no noise is left: that is the method `nac-mean-field`.

    `mutual_information` is the same bound with codewords at +-1, the sign of a, and fresh
    noise, in bits; without logits Q there is the channel that explains the noisy codes best
    (`information_bits`), the code itself in the mixture. It is an estimate of a lower bound from
    one batch and one draw of the noise, cut at the capacity, which the truth cannot exceed, and at
    log2(V B), which limits what a batch can show and not the truth.

    Deviations from the authors' code: the constants D log 2 and log(2B), which it leaves out,
    are in, so that `total` is -I in nats once codes saturate; log s(l) is evaluated as such
    and not through s(l), which underflows. Half precision is computed in fp32.
    """
    views, batch, bits = activations.shape
    with torch.autocast(activations.device.type, enabled=False):
        relaxed = at_least_single(activations).tanh().flatten(0, 1)
        explained = next_view(activations, logits)

        noisy = channel.receive(relaxed, flip_probability, generator, sampled)
        terms = log_terms(noisy, relaxed, explained, flip_probability, own=own)
        inference, mixture = -terms.posterior.mean(), terms.mixture.mean()
        with torch.no_grad():
            hard = hard_codewords(relaxed)
            noisy = channel.transmit(hard, flip_probability, generator)
            information = information_bits(noisy, hard, explained, flip_probability)
    most = most_information(bits, views * batch, flip_probability)
    return NACLoss(inference + mixture, inference, mixture, information.clamp(max=most))


class NAC(nn.Module):
    """The objective around an encoder and its inference network, over two views."""

    views: Final = 2
    phases: Final = ("train",)

    def __init__(
        self,
        encoder: Encoder,
        *,
        noise: tuple[float, float],
        posterior: str,
        mixture: str,
        first_sampled: float,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.first, self.last = (channel.checked_flip_probability(one) for one in noise)
        self.posterior, self.mixture, self.first_sampled = posterior, mixture, first_sampled
        self.settings = {
            "noise": self.last,
            "first_noise": self.first,
            "posterior": posterior,
            "mixture": mixture,
            "first_sampled": first_sampled,
        }
        self.inference = None if posterior in ("code", "channel") else inference_network(encoder)
        if posterior == "both":
            # Training then begins with the channel's own posterior, which is right, if not sharp.
            self.get_parameter("inference.2.weight").detach().zero_()
            self.get_parameter("inference.2.bias").detach().zero_()

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        """Nothing: every step stands for itself."""

    def forward(self, batch: Batch) -> Loss:
        """The loss of two views; information and capacity are reported in bits."""
        views = len(batch.views)
        flip_probability = self.first + (self.last - self.first) * ramp(batch.share)
        encoded = self.encoder(batch.views.flatten(0, 1))
        logits = self._logits(encoded, flip_probability, views)
        loss = nac_loss(
            batch.gather(encoded.activations.view(views, -1, self.encoder.bits), dim=1),
            None if logits is None else batch.gather(logits, dim=1),
            flip_probability=flip_probability,
            generator=batch.generator,
            own=self.mixture == "all",
            sampled=self.first_sampled + (1 - self.first_sampled) * late(batch.share),
        )
        parts = {
            "mutual_information_bits": loss.mutual_information,
            "capacity_bits": loss.total.new_full(
                (), channel.capacity(self.encoder.bits, flip_probability)
            ),
            "inference": loss.inference.detach(),
            "mixture": loss.mixture.detach(),
        }
        return Loss(loss.total, parts, encoded.activations.detach())

    def after_step(self, loss: Loss) -> None:
        """Nothing: there is neither queue nor bank."""

    def _logits(
        self, encoded: Encoded, flip_probability: float, views: int
    ) -> Float[Tensor, "views batch bits"] | None:
        if self.posterior == "channel":
            return None
        guess = self._guess(encoded, channel.log_odds(flip_probability))
        return guess.view(views, -1, self.encoder.bits)

    def _guess(self, encoded: Encoded, log_odds: float) -> Float[Tensor, "n bits"]:
        if self.inference is None:
            return log_odds * encoded.activations.tanh()
        predicted: Tensor = self.inference(encoded.features)
        if self.posterior == "network":
            return predicted / predicted.shape[-1] ** 0.5
        return predicted + log_odds * encoded.activations.tanh()


def method(
    encoder: Encoder,
    scale: Scale,
    *,
    noise: float | Literal["auto"] = "auto",
    first_noise: float | Literal["same"] = "same",
    posterior: str = "channel",
    mixture: Literal["auto", "all", "others"] = "auto",
    first_sampled: float = 1.0,
) -> NAC:
    """NAC around an encoder.

    Args:
        encoder: the network to learn.
        scale: images per step decide what `auto` means.
        noise: flip probability of the channel, or `auto`: `balanced_flip_probability`.
        first_noise: flip probability that training begins with; it rises to `noise` in a straight
            line over the first 70 % of the run. Little noise asks for many groups of images, much
            noise for few (docs/training.md has what it gains).
        posterior: what gives the posterior of a view's noisy code. `network`: the inference
            network on the other view's features, divided by sqrt(bits), as published.
            `code`: the logits L z' of the other view's relaxed code z'. `channel`: the channel's
            likelihood given that code, the same at +-1 and kinder to codes near zero. `both`:
            the network's correction, zero at first, added to the logits of `code`. With codes
            at +-1 the bound holds for each; docs/training.md compares them.
        mixture: which codes of the batch stand for the marginal: `all`, as published, or all
            `others`. `auto` is `others` where the channel is the posterior, and else `all`.
        first_sampled: share of the noise that is drawn in the first half of the run, 0 to 1; it
            rises to all of it, as published, which is drawn from 85 % of the run on (`nac_loss`).
            Not published; docs/results.md has what it gains a network from random weights.

    Raises:
        UsageError: no channel has that noise, there is no such posterior or share, or the mixture
            is one of others where a network gives the posterior, which bounds nothing.
    """
    if posterior not in POSTERIORS:
        raise UsageError(
            f"'{posterior}' is not a posterior of NAC", f"one of {', '.join(POSTERIORS)}"
        )
    if not 0 <= first_sampled <= 1:
        raise UsageError(
            f"{first_sampled:g} is no share of the noise", "--set first_sampled=0, or up to 1"
        )
    if noise == "auto":
        noise = balanced_flip_probability(encoder.bits, NAC.views * scale.batch)
    if mixture == "auto":
        mixture = "others" if posterior == "channel" else "all"
    elif mixture == "others" and posterior != "channel":
        raise UsageError(
            f"a mixture of others bounds nothing with the posterior '{posterior}'",
            "--set mixture=all, or --set posterior=channel",
        )
    first = noise if first_noise == "same" else first_noise
    return NAC(
        encoder,
        noise=(first, noise),
        posterior=posterior,
        mixture=mixture,
        first_sampled=first_sampled,
    )
