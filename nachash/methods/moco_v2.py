"""MoCo-v2: a view attracts its twin's key and repels a queue of keys of a momentum encoder.

He, Fan, Wu, Xie, Girshick, "Momentum Contrast for Unsupervised Visual Representation Learning",
CVPR 2020; Chen, Fan, Girshick, He, "Improved Baselines with Momentum Contrastive Learning",
arXiv 2003.04297, 2020 (an MLP as head, more distortions, a cosine schedule, all of which every
method has here). For hashing, as in the comparison of Park et al. (ICML 2021), the projection is
the activations themselves and the code is their sign.

- Keys are compared before they enter the queue. Public code of NAC enqueues them first, so that
  the twin's key stands among the negatives, once or twice.
- Batch norms of the momentum encoder use averaged statistics, which takes the place of shuffled
  batch norm: `_momentum_network.py` says why.
  Measured on digits (200 steps of the small network, one seed): a mAP of 73 % so, 70 % with the
  statistics of the keys' own batch; with momentum 0.9 68 % and 63 %.
- The queue begins empty and not with random vectors: only keys count.
- Symmetric by default, as in the authors' recipe for CIFAR-10, but the mean of both directions
  and not their sum.
"""

from collections.abc import Callable
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from nachash.errors import UsageError
from nachash.methods._momentum_network import MomentumNetwork
from nachash.methods._precision import at_least_single
from nachash.methods._queue import Queue, fitted_size
from nachash.objective import Batch, Encoded, Encoder, Loss, Scale, Usual
from nachash.shapes import Float

USUAL: Final = Usual()


def moco_loss(
    queries: Float[Tensor, "n bits"],
    keys: Float[Tensor, "n bits"],
    queue: Float[Tensor, "k bits"],
    temperature: float,
) -> Float[Tensor, ""]:
    """The cross entropy of the twin's key among all keys, in nats.

    With unit vectors q of the queries, k+ of the keys beside them and k of the queue:

        mean of -log(exp(q.k+ / tau) / (exp(q.k+ / tau) + sum_k exp(q.k / tau)))

    Source: equation 1 of He et al., 2020. An empty queue gives 0. Half precision is computed in
    fp32.
    """
    with torch.autocast(queries.device.type, enabled=False):
        q, twin, others = (
            normalize(at_least_single(vectors), dim=1) for vectors in (queries, keys, queue)
        )
        own = (q * twin).sum(dim=1, keepdim=True)
        logits = torch.cat((own, q @ others.T), dim=1) / temperature
        return (logits.logsumexp(dim=1) - logits[:, 0]).mean()


class MoCo(nn.Module):
    """The objective around an encoder, with a momentum encoder and a queue of its keys."""

    views: Final = 2
    phases: Final = ("train",)

    def __init__(
        self, encoder: Encoder, *, queue: int, momentum: float, temperature: float, symmetric: bool
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.keys = MomentumNetwork(encoder, momentum)
        self.queue = Queue(queue, encoder.bits)
        self.temperature = temperature
        self.symmetric = symmetric
        self.settings = {
            "queue": queue,
            "momentum": momentum,
            "temperature": temperature,
            "symmetric": symmetric,
        }

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        """Nothing: the queue fills with the first steps."""

    def forward(self, batch: Batch) -> Loss:
        """The loss of the first view, or of both, and how many keys it is compared with."""
        looking = batch.views if self.symmetric else batch.views[:1]
        twins = batch.views.flip(0) if self.symmetric else batch.views[1:]
        activations = self.encoder(looking.flatten(0, 1)).activations
        twin_activations = self.keys(twins.flatten(0, 1)).activations
        queries, keys = (
            batch.gather(part.view(len(looking), -1, self.encoder.bits), dim=1).flatten(0, 1)
            for part in (activations, twin_activations)
        )
        queue = self.queue.filled()
        total = moco_loss(queries, keys, queue, self.temperature)
        parts = {"contrast": total.detach(), "negatives": total.new_full((), float(len(queue)))}
        seen = activations.detach()
        if not self.symmetric:
            seen = torch.cat((seen, twin_activations))
        return Loss(total, parts, seen, remembered=(keys,))

    def after_step(self, loss: Loss) -> None:
        """The keys enter the queue, and the momentum encoder follows the encoder."""
        (keys,) = loss.remembered
        self.queue.enqueue(normalize(at_least_single(keys), dim=1))
        self.keys.follow(self.encoder)


def method(
    encoder: Encoder,
    scale: Scale,
    *,
    queue: int | Literal["auto"] = "auto",
    momentum: float = 0.99,
    temperature: float = 0.2,
    symmetric: bool = True,
) -> MoCo:
    """MoCo-v2 around an encoder.

    Args:
        encoder: the network to learn.
        scale: images, and images per step, decide what `auto` means.
        queue: keys that are kept, or `auto`: 4096, or less with few images.
        momentum: share of the momentum encoder that stays in a step; the authors' for CIFAR-10.
        temperature: tau; MoCo-v2's for ImageNet. 0.1, the authors' for CIFAR-10, and 0.5 gave
            less on digits.
        symmetric: both views look for their twin, and not only the first.

    Raises:
        UsageError: a temperature that is not positive, a momentum beyond its bounds, no queue.
    """
    if temperature <= 0:
        raise UsageError(
            f"a temperature of {temperature:g} is not positive", "--set temperature=0.2"
        )
    return MoCo(
        encoder,
        queue=fitted_size(queue, scale),
        momentum=momentum,
        temperature=temperature,
        symmetric=symmetric,
    )
