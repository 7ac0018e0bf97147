"""What is trained on what: an encoder on images, or its head on cached features."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nachash import plugins
from nachash.records import Progress, Skipped, Source
from nachash.shapes import Float32, Int64
from nachash.tasks.train import images as training_images
from nachash.tasks.train.frozen_features import frozen_features
from nachash.tasks.train.settings import ResolvedSettings

if TYPE_CHECKING:
    import torch

    from nachash.encoders.encoder import Encoder
    from nachash.training.distributed import ProcessGroup
    from nachash.training.loop import Stage


@dataclass(frozen=True, slots=True)
class Material:
    """The network that learns, where its views come from, and which images they are of.

    `activations` gives those of the images at some positions, as they are, at this moment.
    """

    trainee: Any
    stage: "Stage"
    images: int
    skipped: tuple[Skipped, ...]
    fingerprint: str
    activations: Callable[[Int64[np.ndarray, "k"]], Float32[np.ndarray, "k bits"]]


def from_pixels(
    encoder: "Encoder",
    source: Source,
    decided: ResolvedSettings,
    *,
    seed: int,
    device: "torch.device",
    workers: int,
    progress: Progress,
    group: "ProcessGroup",
) -> Material:
    """The whole encoder, on views that are drawn anew in every step.

    Raises:
        NoImagesError: not a single image can be read.
    """
    import torch

    from nachash.encoders.encoder import Encoded
    from nachash.objective import Batch
    from nachash.training.loop import Stage
    from nachash.training.views import PixelViews, resident

    del seed
    images = training_images.decoded(source, decided.size, workers=workers, progress=progress)
    recipe = plugins.load("augment", decided.augment).recipe(decided.size)
    pixels = resident(torch.from_numpy(images.pixels), device)

    def encoded(rows: torch.Tensor) -> Encoded:
        return encoder.encoded(rows, decided.batch)

    views = PixelViews(pixels, recipe, device)
    stage = Stage(views, lambda: encoded(pixels), Batch, device, group)
    return Material(
        encoder,
        stage,
        len(pixels),
        images.skipped,
        images.fingerprint,
        lambda some: encoded(pixels[torch.from_numpy(some)]).activations.cpu().numpy(),
    )


def frozen(
    encoder: "Encoder",
    source: Source,
    decided: ResolvedSettings,
    *,
    seed: int,
    device: "torch.device",
    workers: int,
    progress: Progress,
    group: "ProcessGroup",
) -> Material:
    """The head alone, on features of a few views of each image that are computed once.

    Raises:
        NoImagesError: not a single image can be read.
    """
    import torch

    from nachash.encoders.encoder import Encoded, encoded_in_batches
    from nachash.objective import Batch
    from nachash.training.loop import Stage
    from nachash.training.views import CachedViews, resident

    cached = frozen_features(
        encoder,
        source,
        size=decided.size,
        augment=decided.augment,
        seed=seed,
        device=None if device.type == "cpu" else str(device),
        workers=workers,
        progress=progress,
    )
    features = resident(torch.from_numpy(cached.features), device)

    def encoded(rows: torch.Tensor) -> Encoded:
        return encoded_in_batches(
            encoder.head, rows, decided.batch, lambda piece: piece.to(device).float()
        )

    plain = features[0]
    views = CachedViews(plain, features[1:], decided.view_strength, device)
    stage = Stage(views, lambda: encoded(plain), Batch, device, group)
    return Material(
        encoder.head,
        stage,
        len(plain),
        cached.skipped,
        cached.fingerprint,
        lambda some: encoded(plain[torch.from_numpy(some)]).activations.cpu().numpy(),
    )
