"""Records of `vae`: what each start of the encoder came to, and the poster's figures beside it."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from nachash.records import Skipped, to_json
from nachash.shapes import UInt8

Pixels = UInt8[np.ndarray, "n size size 3"]
Samples = UInt8[np.ndarray, "k size size 3"]


@dataclass(frozen=True, slots=True)
class PosterFigures:
    """Log-likelihood and KL divergence of a row of the poster's table."""

    log_likelihood: float
    kl: float


@dataclass(frozen=True, slots=True)
class VaeEpoch:
    """A point of the curves, on test images; `train_elbo` is the mean over the epoch's batches.

    `seconds` counts training from the start of the run, without measuring.
    """

    epoch: int
    steps: int
    seconds: float
    log_likelihood: float
    kl: float
    elbo: float
    train_elbo: float


@dataclass(frozen=True, slots=True)
class InferenceGap:
    """How far the ELBO stays behind, in nats per image.

    `importance_weighted` is the bound of `iw_samples` samples minus the ELBO, over all test images;
    `optimised_posterior` the ELBO of posteriors fitted to each of `images` test images minus the
    ELBO of the encoder's, on the same noise.
    """

    importance_weighted: float
    optimised_posterior: float
    images: int


@dataclass(frozen=True, slots=True)
class VaeStart:
    """One start: figures in nats per test image, `bits_per_dim` the same per number of an image.

    `init` is as it was named, `method` what trained the encoder (`random`: nothing), `model` its
    fingerprint. `seconds` is the time of training, `state` where the weights lie.
    """

    init: str
    method: str
    model: str | None
    log_likelihood: float
    kl: float
    elbo: float
    iw_log_likelihood: float
    bits_per_dim: dict[str, float]
    active_units: int
    inference_gap: InferenceGap
    scale: float
    epochs: tuple[VaeEpoch, ...]
    steps: int
    seconds: float
    state: str
    poster: PosterFigures | None

    @property
    def name(self) -> str:
        """As pictures name it: the directory's name, and the method where that does not tell it."""
        name = Path(self.init).name or self.init
        return name if self.method in name else f"{name} ({self.method})"


@dataclass(frozen=True, slots=True)
class VaePictures:
    """Test images, and what each start makes of them and of the same draws from the prior."""

    originals: Pixels
    reconstructions: tuple[Pixels, ...]
    samples: tuple[Samples, ...]


@dataclass(frozen=True, slots=True)
class VaeComparison:
    """Result of `vae`: the starts, and what they have in common.

    `likelihood_of` says in a line what nats and bits per dimension are of.
    """

    directory: str
    likelihood: str
    likelihood_of: str
    latent: int
    iw_samples: int
    backbone: str
    size: int
    data: dict[str, Any]
    seed: int
    device: str
    versions: dict[str, str]
    skipped: tuple[Skipped, ...] = ()
    starts: tuple[VaeStart, ...] = ()
    pictures: VaePictures | None = None

    def json_lines(self) -> Iterator[str]:
        """An object per start, with what all have in common repeated."""
        own = ("starts", "pictures", "skipped")
        common = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in own}
        for start in self.starts:
            yield to_json({**{f.name: getattr(start, f.name) for f in fields(start)}, **common})
