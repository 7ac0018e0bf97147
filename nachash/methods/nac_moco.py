"""NAC with a momentum encoder: a queue of its codes stands for all codes.

Park, Lee, Kim, Blei, "Unsupervised Representation Learning via Neural Activation Coding",
ICML 2021: the momentum branch of github.com/yookoon/nac (`train_moco_symmetric`), whose bound
has more codes in its mixture than a batch has. Deviations from that code:

- Similarities are multiplied by L/2, L = log((1 - p) / p), as the channel's likelihood says. The
  code divides by it, a factor of (L/2)^-2 (24 at p = 0.4): its likelihoods do not sum to one.
- The codes of the batch stand in the mixture beside the queue and enter the queue after the step.
  The code enqueues them first, which gives the same codes where the queue is full, but begins
  with a queue of small random numbers, which are no codes; here only codes count.
- The inference network's own term is the mean over the views and not their sum.
- What explains a noisy code is by default the momentum encoder's code of the other view, through
  the channel, as in `nac`; `posterior=network` is the published form.
- The constants of the bound are in, and log-sigmoids are evaluated as such, as in `nac`.
- Batch norms of the momentum encoder use averaged statistics: `_momentum_network.py` says why.
- The momentum is 0.9 and not 0.99, whose memory is half of a short run: on digits, 200 steps of
  the small network and one seed gave a mAP of 74 % with 0.9, 72 % with 0.95, 67 % with 0.99.
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
    log_posterior,
    log_terms,
    most_information,
    next_view,
)
from nachash.methods._momentum_network import MomentumNetwork
from nachash.methods._precision import at_least_single
from nachash.methods._queue import Queue, fitted_size
from nachash.objective import Batch, Encoded, Encoder, Loss, Scale, Usual
from nachash.shapes import Float

USUAL: Final = Usual()
POSTERIORS: Final = ("channel", "network")


class Guesses(NamedTuple):
    """Logits that views give for the code of another view of their image."""

    momentum: Float[Tensor, "views batch bits"]
    learning: Float[Tensor, "views batch bits"]


class NACMoCoLoss(NamedTuple):
    """The objective and its terms in nats; the mutual information in bits, without gradient."""

    total: Float[Tensor, ""]
    inference: Float[Tensor, ""]
    mixture: Float[Tensor, ""]
    mutual_information: Float[Tensor, ""]


def nac_moco_loss(
    activations: Float[Tensor, "views batch bits"],
    keys: Float[Tensor, "views batch bits"],
    queue: Float[Tensor, "k bits"],
    guesses: Guesses | None,
    *,
    flip_probability: float,
    l2: float,
    generator: torch.Generator,
) -> NACMoCoLoss:
    """NAC's bound with codewords of a momentum encoder in the mixture.

    With relaxed codewords z = tanh(a), their noisy twins z~ (every sign flipped with probability
    p), the momentum encoder's relaxed codewords k of the same views and of the queue, M in all:

        total     = inference + mixture + learning + l2 mean sum_d z_d^2
        inference = - mean log Q(z~)
        mixture   = mean log (1 / M) sum_k P(z~ | k)
        learning  = - mean log Q(z~ without gradient | l)

    Q(z~) is the channel's likelihood P(z~ | k') of the next view's k', and there is no learning.
    With guesses, it is Q(z~ | l_m) with the logits l_m of the momentum networks for the next
    view, and the learning networks' logits l learn from `learning`. `_information_bound.py` has
    P and Q. Gradients reach a through z~, l and l2 alone.

    The total bounds nothing: codes are relaxed, and the mixture has the momentum encoder's twin of
    the code that was sent and not that code.

    `mutual_information` is the bound at +-1 with fresh noise, in bits, cut as that of `nac`. The
    codes themselves and not their momentum twins stand in its mixture, since a mixture without
    the code that was sent bounds nothing. Half precision is computed in fp32.
    """
    views, batch, bits = activations.shape
    with torch.autocast(activations.device.type, enabled=False):
        relaxed = at_least_single(activations).tanh().flatten(0, 1)
        explained = next_view(activations, guesses.momentum if guesses else None)
        noisy = channel.transmit(relaxed, flip_probability, generator)
        sample = torch.cat((at_least_single(keys).flatten(0, 1), queue))
        terms = log_terms(noisy, sample, explained, flip_probability)
        inference, mixture = -terms.posterior.mean(), terms.mixture.mean()
        total = inference + mixture + l2 * relaxed.square().sum(dim=1).mean()
        if guesses:
            learning = next_view(activations, guesses.learning)
            total = total - log_posterior(noisy.detach(), learning).mean()
        with torch.no_grad():
            hard = hard_codewords(relaxed)
            sample = torch.cat((hard, hard_codewords(queue)))
            noisy = channel.transmit(hard, flip_probability, generator)
            information = information_bits(noisy, sample, explained, flip_probability)
    most = most_information(bits, views * batch + len(queue), flip_probability)
    return NACMoCoLoss(total, inference, mixture, information.clamp(max=most))


class NACMoCo(nn.Module):
    """The objective around an encoder, its momentum encoder and a queue of relaxed codewords."""

    views: Final = 2
    phases: Final = ("train",)

    def __init__(
        self,
        encoder: Encoder,
        *,
        flip_probability: float,
        posterior: str,
        queue: int,
        momentum: float,
        l2: float,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.flip_probability = channel.checked_flip_probability(flip_probability)
        self.l2 = l2
        self.settings = {
            "noise": flip_probability,
            "posterior": posterior,
            "queue": queue,
            "momentum": momentum,
            "l2": l2,
        }
        self.capacity_bits = channel.capacity(encoder.bits, flip_probability)
        self.momentum_encoder = MomentumNetwork(encoder, momentum)
        self.inference = inference_network(encoder) if posterior == "network" else None
        self.momentum_inference = (
            None if self.inference is None else MomentumNetwork(self.inference, momentum)
        )
        self.queue = Queue(queue, encoder.bits)

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        """Nothing: the queue fills with the first steps."""

    def forward(self, batch: Batch) -> Loss:
        """The loss of two views; information and capacity are reported in bits."""
        views = batch.views.flatten(0, 1)
        encoded, averaged = self.encoder(views), self.momentum_encoder(views)

        def every(part: Float[Tensor, "n bits"]) -> Float[Tensor, "views batch bits"]:
            return batch.gather(part.view(self.views, -1, self.encoder.bits), dim=1)

        keys = every(at_least_single(averaged.activations).tanh())
        guesses = None
        if self.inference is not None and self.momentum_inference is not None:
            root = self.encoder.bits**0.5
            momentum = self.momentum_inference(averaged.features) / root
            guesses = Guesses(every(momentum), every(self.inference(encoded.features) / root))
        loss = nac_moco_loss(
            every(encoded.activations),
            keys,
            self.queue.filled(),
            guesses,
            flip_probability=self.flip_probability,
            l2=self.l2,
            generator=batch.generator,
        )
        parts = {
            "mutual_information_bits": loss.mutual_information,
            "capacity_bits": loss.total.new_full((), self.capacity_bits),
            "inference": loss.inference.detach(),
            "mixture": loss.mixture.detach(),
        }
        remembered = (keys.flatten(0, 1),)
        return Loss(loss.total, parts, encoded.activations.detach(), remembered)

    def after_step(self, loss: Loss) -> None:
        """The codewords enter the queue, and the momentum networks follow."""
        (keys,) = loss.remembered
        self.queue.enqueue(keys)
        self.momentum_encoder.follow(self.encoder)
        if self.momentum_inference is not None:
            self.momentum_inference.follow(self.inference)


def method(
    encoder: Encoder,
    scale: Scale,
    *,
    noise: float | Literal["auto"] = "auto",
    posterior: str = "channel",
    queue: int | Literal["auto"] = "auto",
    momentum: float = 0.9,
    l2: float = 0.0,
) -> NACMoCo:
    """NAC with a momentum encoder.

    Args:
        encoder: the network to learn.
        scale: images, and images per step, decide what `auto` means.
        noise: flip probability of the channel, or `auto`: `balanced_flip_probability` of as many
            codes as the mixture has.
        posterior: `channel` or `network`, as in `nac`.
        queue: codes that are kept, or `auto`: 4096, or less with few images.
        momentum: share of the momentum encoder that stays in a step; published with 0.99.
        l2: weight of the mean square length of relaxed codewords; published with 0 for hashing
            and 0.1 for linear classification.

    Raises:
        UsageError: no channel has that noise, there is no such posterior, a momentum beyond its
            bounds, no queue, or a negative weight.
    """
    if posterior not in POSTERIORS:
        raise UsageError(
            f"'{posterior}' is not a posterior of NAC with momentum",
            f"one of {', '.join(POSTERIORS)}",
        )
    if l2 < 0:
        raise UsageError(f"a weight of {l2:g} would reward long codewords", "--set l2=0.1")
    size = fitted_size(queue, scale)
    if noise == "auto":
        noise = balanced_flip_probability(encoder.bits, NACMoCo.views * scale.batch + size)
    return NACMoCo(
        encoder,
        flip_probability=noise,
        posterior=posterior,
        queue=size,
        momentum=momentum,
        l2=l2,
    )
