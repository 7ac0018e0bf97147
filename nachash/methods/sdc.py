"""SDC: code similarities in the order of feature similarities, spread like a beta distribution.

Ng et al., "Unsupervised hashing with similarity distribution calibration", BMVC 2023;
code at github.com/kamwoh/sdc. Feature similarities crowd in a narrow band; SDC takes their order
only, and the similarities of codes shall be, in that order, the quantiles of a beta distribution on
[-1, 1]. With it go the quantisation error and, as in the authors' best setting, the contrastive
loss of SimCLR on the activations of two views.

As in the authors' code, quantiles below 0 count as 0: no pair is asked to be farther apart than
orthogonal. Deviations: the head of nachash is as wide as its features, with ReLU and a batch norm
without weights (theirs: 4,096 wide, GELU); AdamW with a cosine instead of Adam with one step;
larger batches.
"""

from collections.abc import Callable
from typing import Final

import torch
from scipy.special import betaincinv
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from nachash.errors import UsageError
from nachash.methods.simclr import nt_xent
from nachash.objective import Batch, Encoded, Encoder, Loss, Scale, Usual
from nachash.shapes import Float, Float64

USUAL: Final = Usual(pretrained=True)


def beta_quantiles(count: int, shape: float) -> Float64[Tensor, "count"]:
    """C_n = 2 F^-1((2n - 1) / 2N) - 1 for n = 1 to N, F of the distribution Beta(shape, shape)."""
    shares = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    return 2 * torch.from_numpy(betaincinv(shape, shape, shares.numpy())) - 1


def calibration_loss(
    similarities: Float[Tensor, "pairs"],
    teacher: Float[Tensor, "pairs"],
    quantiles: Float[Tensor, "pairs"],
) -> Float[Tensor, ""]:
    """Mean |s_n - C_n|, the pairs n taken in the ascending order of the teacher.

    The similarities s are cosines of activations, the teacher's those of features, the quantiles C
    ascend.
    """
    return (similarities[teacher.argsort()] - quantiles).abs().mean()


def quantisation_loss(activations: Float[Tensor, "n bits"]) -> Float[Tensor, ""]:
    """Mean of 1 - cos(a, b) of activations a and their codewords b (+-1)."""
    codewords = torch.where(activations > 0, 1.0, -1.0).to(activations)
    return (1 - cosine_similarity(activations, codewords, dim=1)).mean()


class SDC(nn.Module):
    """The objective around an encoder."""

    views: Final = 2
    phases: Final = ("train",)

    def __init__(
        self,
        encoder: Encoder,
        *,
        shape: float,
        least: float,
        quantisation: float,
        contrast: float,
        temperature: float,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.shape, self.least, self.temperature = shape, least, temperature
        self.quantisation, self.contrast = quantisation, contrast
        self.settings = {
            "shape": shape,
            "least": least,
            "quantisation": quantisation,
            "contrast": contrast,
            "temperature": temperature,
        }

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        """Nothing: every step stands for itself."""

    def forward(self, batch: Batch) -> Loss:
        """The sum of the three losses; the halves of the shuffled batch make the pairs."""
        encoded = self.encoder(batch.views.flatten(0, 1))
        with torch.autocast(encoded.activations.device.type, enabled=False):
            codes, features = (
                batch.gather(part.float().view(2, -1, part.shape[1]), dim=1)
                for part in (encoded.activations, encoded.features.detach())
            )
            calibration = self._calibration(codes, features, batch.generator)
            quantisation = quantisation_loss(codes.flatten(0, 1))
            contrast = nt_xent(codes, self.temperature)
            total = calibration + self.quantisation * quantisation + self.contrast * contrast
        parts = {
            "calibration": calibration.detach(),
            "quantisation": quantisation.detach(),
            "contrast": contrast.detach(),
        }
        return Loss(total, parts, encoded.activations.detach())

    def after_step(self, loss: Loss) -> None:
        """Nothing: there is neither queue nor bank."""

    def _calibration(
        self,
        codes: Float[Tensor, "views batch bits"],
        features: Float[Tensor, "views batch features"],
        generator: torch.Generator,
    ) -> Float[Tensor, ""]:
        count = codes.shape[1]
        order = torch.randperm(count, generator=generator, device=generator.device)
        first, second = order.to(codes.device)[: count // 2 * 2].view(2, -1)
        similarities, teacher = (
            cosine_similarity(rows[:, first], rows[:, second], dim=2).flatten()
            for rows in (codes, features)
        )
        quantiles = beta_quantiles(len(teacher), self.shape).to(codes)
        return calibration_loss(similarities, teacher, quantiles.clamp(min=self.least))


def method(
    encoder: Encoder,
    scale: Scale,
    *,
    shape: float = 5.0,
    least: float = 0.0,
    quantisation: float = 1.0,
    contrast: float = 1.0,
    temperature: float = 0.3,
) -> SDC:
    """SDC with its contrastive term around an encoder.

    Args:
        encoder: the network to learn, and the teacher by its features.
        scale: plays no part.
        shape: both parameters of the beta distribution; published: 5, and 2 to 7 do as well.
        least: the least similarity that a pair is asked for; published: 0. -1 is the whole
            distribution.
        quantisation: weight of the quantisation error.
        contrast: weight of the contrastive loss; 0 is SDC alone.
        temperature: of the contrastive loss; published: 0.3. On frozen features of CIFAR-10, 0.5
            did better over all ranks, and as well over the first thousand.

    Raises:
        UsageError: a shape or temperature that is not positive.
    """
    del scale
    if shape <= 0 or temperature <= 0:
        raise UsageError(
            f"shape {shape:g} and temperature {temperature:g} must be positive",
            "--set shape=5 --set temperature=0.3",
        )
    return SDC(
        encoder,
        shape=shape,
        least=least,
        quantisation=quantisation,
        contrast=contrast,
        temperature=temperature,
    )
