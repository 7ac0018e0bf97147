"""The approximate posterior q(z | x): a backbone that is handed in, and two linear layers."""

from typing import Final

import torch
from torch import Tensor, nn

from nachash.paper.vae.bounds import Gaussian
from nachash.shapes import Float

# exp(+-14) is far outside of what a posterior needs, and far inside of what a float holds.
_MOST_LOG_VARIANCE: Final = 14.0


class Posterior(nn.Module):
    """Images in [0, 1], normalised as the backbone expects, to means and log variances.

    Args:
        backbone: maps normalised images to features, pooled over all places.
        features: how many it gives.
        latent: length of z.
        mean, std: of the normalisation, broadcast over images.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        features: int,
        latent: int,
        *,
        mean: Float[Tensor, "1 3 1 1"],
        std: Float[Tensor, "1 3 1 1"],
    ) -> None:
        super().__init__()
        self.register_buffer("mean", mean.clone())
        self.register_buffer("std", std.clone())
        self.backbone = backbone
        self.means = nn.Linear(features, latent)
        self.log_variances = nn.Linear(features, latent)

    def forward(self, images: Float[Tensor, "batch 3 size size"]) -> Gaussian:
        """The posterior of each image, in single precision."""
        features = self.backbone((images - self.mean) / self.std)
        log_variances = self.log_variances(features).float()
        return Gaussian(
            self.means(features).float(),
            torch.clamp(log_variances, -_MOST_LOG_VARIANCE, _MOST_LOG_VARIANCE),
        )
