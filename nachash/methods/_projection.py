"""Methods with nothing to train: a projection that is computed from all features at once."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from nachash.errors import TrainingError, UsageError
from nachash.objective import Batch, Encoded, LinearEncoder, Loss
from nachash.shapes import Float, Float32


class Projection(NamedTuple):
    """Features x become the activations `weight @ x + bias`."""

    weight: Float32[np.ndarray, "bits features"]
    bias: Float32[np.ndarray, "bits"]


def quantisation_error(activations: Float[Tensor, "n bits"]) -> Float[Tensor, ""]:
    """Mean over rows of ||b - a||^2, b the codeword (+-1) of the activations a.

    Source: the objective of Gong and Lazebnik, 2011, per image.
    """
    codewords = torch.where(activations > 0, 1.0, -1.0)
    return (codewords - activations.float()).square().sum(dim=1).mean()


class FittedProjection(nn.Module):
    """An encoder whose head is computed by `fit` from the features of the training set."""

    views: Final = 1
    phases: Final = ("fit",)

    def __init__(
        self,
        encoder: LinearEncoder,
        fit: Callable[[Float32[np.ndarray, "images features"]], Projection],
        settings: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.fit = fit
        self.settings = settings
        for weight in self.parameters():
            weight.requires_grad = False

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        """Compute the projection and make it the encoder's head."""
        del phase
        features = encode().features
        rows = np.ascontiguousarray(features.detach().cpu().numpy(), dtype=np.float32)
        weight, bias = (torch.from_numpy(part).to(features) for part in self.fit(rows))
        self.encoder.project(weight, bias)

    def forward(self, batch: Batch) -> Loss:
        """The quantisation error; it carries no gradient."""
        with torch.no_grad():
            activations = self.encoder(batch.views.flatten(0, 1)).activations
            total = quantisation_error(batch.gather(activations))
        return Loss(total, {"quantisation": total}, activations)

    def after_step(self, loss: Loss) -> None:
        """Nothing: there are no steps."""


def checked_directions(encoder: LinearEncoder) -> int:
    """The number of bits, which as many directions of the features can give.

    Raises:
        UsageError: there are more bits than features.
    """
    if encoder.bits > encoder.features:
        raise UsageError(
            f"{encoder.features} features have no {encoder.bits} principal directions",
            f"--bits {encoder.features} at most, or --method lsh",
        )
    return encoder.bits


def checked_images(features: Float32[np.ndarray, "images features"], bits: int) -> None:
    """Nothing comes back.

    Raises:
        TrainingError: there are fewer images than bits.
    """
    if len(features) < bits:
        raise TrainingError(
            f"{len(features)} images have no {bits} principal directions",
            "more images, or fewer --bits",
        )
