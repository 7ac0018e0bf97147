"""DistillHash: codes learnt from the pairs whose labels their neighbours bear out.

Yang, Liu, Deng, Liu, Tao, "DistillHash: unsupervised deep hashing by distilling data pairs", CVPR
2019. Phase `train` learns codes by the loss of SSDH. Their likelihoods P(i and j are similar) =
sigmoid(<h_i, h_j> / 2) then take the place of SSDH's labels; of those only what is confident beside
the neighbourhood of the pair is kept (`confident_pairs`), and phase `retrain` learns from it.

Deviations from the authors' code, which as published does not run: it takes the neighbours of j for
those of i too, where the rule is on the neighbours of both; it retrains with SSDH's squared loss,
where the paper states the likelihood, taken here over confident pairs alone (their mean). Pairs are
judged when a batch needs them, from the outputs of all images and their nearest neighbours, instead
of all N^2 of them in advance. `retrain` goes on from the weights of `train`. An image is its own
first neighbour, and the pair of an image with itself is left out, its label being known. AdamW with
a cosine in each phase instead of Adam with an epsilon of 1.
"""

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from nachash.errors import UsageError
from nachash.methods._neighbours import nearest
from nachash.methods.ssdh import Structure, checked_margins, shares, ssdh_loss
from nachash.objective import Batch, Encoded, Encoder, Loss, Scale, Usual
from nachash.shapes import Float, Int64

USUAL: Final = Usual(pretrained=True, head="linear")
_MOST_NUMBERS: Final = 1 << 20  # in a block of logits, 4 MB: stays in the processor's cache


def confident_pairs(
    outputs: Float[Tensor, "images bits"],
    neighbours: Int64[Tensor, "images k"],
    positions: Int64[Tensor, "batch"],
) -> Float[Tensor, "batch batch"]:
    """+1 and -1 for pairs that are surely similar and surely not, 0 for the others.

    With P_nm = sigmoid(<h_n, h_m> / 2), and for a pair i, j the least P_nm (a) and the least
    1 - P_nm (b) over neighbours n of i and m of j:

        +1 where P_ij > (1 + a) / 2,    -1 where P_ij < (1 - b) / 2

    a and b bound the rates at which the labels of such pairs are wrong, if these change little
    within a neighbourhood; the labels kept are then those of the Bayes optimal classifier.
    Evaluated as log(1 - P_ij) < log((1 - a) / 2) and log P_ij < log((1 - b) / 2), since P rounds
    to 0 or 1 where codes are long.

    Args:
        outputs: relaxed codewords h of all images.
        neighbours: of every image.
        positions: of the images whose pairs are wanted.
    """
    with torch.autocast(outputs.device.type, enabled=False):
        around = outputs[neighbours[positions]].float()  # batch k bits
        least, most = _extreme_logits(around)
        own = outputs[positions].float()
        logits = own @ own.T / 2
        similar = logsigmoid(-logits) < logsigmoid(-least) - math.log(2)
        dissimilar = logsigmoid(logits) < logsigmoid(most) - math.log(2)
    return similar.float() - dissimilar.float()


def _extreme_logits(
    around: Float[Tensor, "batch k bits"],
) -> tuple[Float[Tensor, "batch batch"], Float[Tensor, "batch batch"]]:
    """Least and largest <h_n, h_m> / 2 over the neighbours of every pair, block by block."""
    batch, k, _ = around.shape
    columns = around.flatten(0, 1).T / 2
    block = max(1, _MOST_NUMBERS // (batch * k * k))
    parts = []
    for rows in torch.split(around, block):
        logits = (rows.flatten(0, 1) @ columns).view(-1, k, batch * k)
        # The neighbours of i first: along rows that lie one after the other, fast.
        least = logits.amin(dim=1).view(-1, batch, k).amin(dim=2)
        most = logits.amax(dim=1).view(-1, batch, k).amax(dim=2)
        parts.append(torch.stack((least, most)))
    both = torch.cat(parts, dim=1)
    return both[0], both[1]


def pair_likelihood_loss(
    relaxed: Float[Tensor, "batch bits"], labels: Float[Tensor, "batch batch"]
) -> Float[Tensor, ""]:
    """Mean of -log P(S_ij) over the pairs with a label, in nats; 0 where no pair has one.

    P(similar) = sigmoid(<h_i, h_j> / 2), so that -log P(S_ij) = log(1 + exp(-S_ij <h_i, h_j> / 2))
    for labels S_ij of +1 and -1; 0 is no label.
    """
    logits = relaxed @ relaxed.T / 2
    labelled = labels.abs()
    return (labelled * softplus(-labels * logits)).sum() / labelled.sum().clamp(min=1)


class DistillHash(nn.Module):
    """The objective around an encoder, in two phases."""

    views: Final = 1
    phases: Final = ("train", "retrain")
    outputs: Tensor
    neighbours: Tensor
    distilled: Tensor

    def __init__(
        self, encoder: Encoder, scale: Scale, *, alpha: float, beta: float, neighbours: int
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.structure = Structure(scale.images, encoder.features, alpha=alpha, beta=beta)
        k = min(neighbours, scale.images)
        self.register_buffer("neighbours", torch.zeros(scale.images, k, dtype=torch.int64))
        self.register_buffer("outputs", torch.zeros(scale.images, encoder.bits))
        self.register_buffer("distilled", torch.tensor(data=False))
        self.settings = {"alpha": alpha, "beta": beta, "neighbours": neighbours}

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        """Find structure and neighbours of the features, then the outputs that are distilled."""
        encoded = encode()
        if phase == "train":
            self.structure.learn(encoded.features)
            self.neighbours.copy_(nearest(self.structure.rows, self.neighbours.shape[1]))
        else:
            self.outputs.copy_(encoded.activations.tanh())
            self.distilled.fill_(value=True)

    def forward(self, batch: Batch) -> Loss:
        """SSDH's loss, later the likelihood of the confident pairs of the batch."""
        activations = self.encoder(batch.views.flatten(0, 1)).activations
        positions = batch.gather(batch.positions)
        with torch.autocast(activations.device.type, enabled=False):
            relaxed = batch.gather(activations.float().tanh())
            if self.distilled:
                labels = confident_pairs(self.outputs, self.neighbours, positions)
                labels.fill_diagonal_(0)
                total = pair_likelihood_loss(relaxed, labels)
            else:
                labels = self.structure(positions)
                total = ssdh_loss(relaxed, labels)
        return Loss(total, shares(labels), activations.detach())

    def after_step(self, loss: Loss) -> None:
        """Nothing: labels change between phases alone."""


def method(
    encoder: Encoder,
    scale: Scale,
    *,
    alpha: float = 2.0,
    beta: float = 2.0,
    neighbours: int = 20,
) -> DistillHash:
    """DistillHash around an encoder.

    Args:
        encoder: the network to learn; its features before training say which pairs are similar.
        scale: the number of images is the number of features and outputs that are kept.
        alpha: standard deviations below the mode from which on a pair is similar at first.
        beta: standard deviations above the mode from which on a pair is dissimilar at first.
        neighbours: how many of each image make its neighbourhood.

    Raises:
        UsageError: a negative alpha or beta, or no neighbours.
    """
    checked_margins(alpha, beta)
    if neighbours < 1:
        raise UsageError(f"{neighbours} neighbours are not possible", "--set neighbours=20")
    return DistillHash(encoder, scale, alpha=alpha, beta=beta, neighbours=neighbours)
