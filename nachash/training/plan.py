"""How long and how fast to train, settled before the first step."""

import math
from dataclasses import dataclass

from nachash.errors import TrainingError

# A run with default length sees every image ten times and at least this many images in all.
_LEAST_IMAGES_SEEN = 40_000
_LEAST_EPOCHS = 10
_MOST_EPOCHS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Length and rate of a training run; `warmup` is a share of a phase's steps.

    Attributes:
        images: of the training set.
        batch: images per step; images that do not fill a batch wait for the next epoch.
        learning_rate: highest rate of AdamW.
        weight_decay: of AdamW, for every weight.
    """

    images: int
    batch: int
    epochs: int
    learning_rate: float
    weight_decay: float = 0.05
    warmup: float = 0.05
    seed: int = 0

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which every image is seen at most once."""
        return self.images // self.batch


def fitted(
    *, images: int, batch: int, epochs: int | None, learning_rate: float | None, seed: int
) -> Plan:
    """A plan for a number of images; None leaves a choice to us.

    A batch is never larger than the training set. Ten epochs or more, so that 40,000 images are
    seen; 0.002 at batches of 128, in proportion to the root of the batch.

    Raises:
        TrainingError: fewer than two images: nothing can be told apart.
    """
    if images < 2:
        raise TrainingError(
            f"{images} image{'s' if images != 1 else ''} cannot be trained on: "
            "codes are learnt by telling images apart, so it takes at least two",
            "name a folder with more images",
        )
    batch = min(batch, images)
    if epochs is None:
        wanted = math.ceil(_LEAST_IMAGES_SEEN / images)
        epochs = min(max(wanted, _LEAST_EPOCHS), _MOST_EPOCHS)
    if learning_rate is None:
        learning_rate = 2e-3 * math.sqrt(batch / 128)
    return Plan(images=images, batch=batch, epochs=epochs, learning_rate=learning_rate, seed=seed)


def rate_factor(step: int, steps: int, warmup: float) -> float:
    """Share of the highest rate at `step` of `steps`: a linear rise, then half a cosine to 0."""
    rise = max(1, round(warmup * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
