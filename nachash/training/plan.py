"""How long and how fast to train, settled before the first step."""

import math
from dataclasses import dataclass
from typing import Final

from nachash.errors import TrainingError

# A run with default length sees every image ten times and at least this many images in all.
_LEAST_IMAGES_SEEN = 40_000
_LEAST_EPOCHS = 10
_MOST_EPOCHS = 500
# A head alone learns from cached features: a step costs a hundredth, so that it takes more.
_HEAD_EPOCHS = 100
_HEAD_LEAST_STEPS = 500
_HEAD_RATE = 1e-3
_RATE = 2e-3
AUTHORS_LARS: Final = "nac-lars"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Length and rate of a training run; `warmup` is a share of a phase.

    Attributes:
        images: of the training set.
        batch: images per step; images that do not fill a batch wait for the next epoch.
        epochs: passes over the images; None with a budget.
        budget: seconds of training; None with epochs.
        optimiser: `adamw`, `nac-lars`, or a name that timm knows.
        learning_rate: highest rate of the optimiser.
        weight_decay: for every weight under AdamW and `nac-lars`; elsewhere not for biases and
            batch norms.
    """

    images: int
    batch: int
    epochs: int | None
    learning_rate: float
    optimiser: str = "adamw"
    budget: float | None = None
    weight_decay: float = 0.05
    warmup: float = 0.05
    seed: int = 0

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which every image is seen at most once."""
        return self.images // self.batch

    @property
    def rate_at_begin(self) -> bool:
        """Whether a step has the rate of its begin, 0 in the first, and not of its middle."""
        return self.optimiser == AUTHORS_LARS

    def share(self, steps: float, seconds: float) -> float:
        """How much of the run lies behind after so many steps and seconds: 0 to 1 and more."""
        if self.budget is not None:
            return seconds / self.budget
        assert self.epochs is not None
        return steps / (self.epochs * self.steps_per_epoch)


def fitted(
    *,
    images: int,
    batch: int,
    epochs: int | None,
    learning_rate: float | None,
    seed: int,
    budget: float | None = None,
    optimiser: str = "adamw",
    weight_decay: float | None = None,
    warmup: float = 0.05,
    head_only: bool = False,
) -> Plan:
    """A plan for a number of images; None leaves a choice to us.

    A batch is never larger than the training set. Ten epochs or more, so that 40,000 images are
    seen, at a rate of 0.002 for batches of 128, in proportion to the root of the batch. A head
    alone takes 100 epochs, at least 500 steps, at half that rate.

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
    if epochs is None and budget is None:
        epochs = _head_epochs(images // batch) if head_only else _epochs(images)
    if learning_rate is None:
        learning_rate = _rate(optimiser, batch, head_only=head_only)
    if weight_decay is None:
        weight_decay = 0.05 if optimiser == "adamw" else 1e-6
    return Plan(
        images=images,
        batch=batch,
        epochs=epochs,
        budget=budget,
        optimiser=optimiser,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        warmup=warmup,
        seed=seed,
    )


def _rate(optimiser: str, batch: int, *, head_only: bool) -> float:
    """AdamW's rate grows with the root of the batch, that of all others with the batch."""
    if optimiser in ("lars", AUTHORS_LARS):
        return 3.0 * batch / 1000  # as published for batches of 1,000
    if optimiser != "adamw":
        return 0.03 * batch / 128
    return (_HEAD_RATE if head_only else _RATE) * math.sqrt(batch / 128)


def _epochs(images: int) -> int:
    return min(max(math.ceil(_LEAST_IMAGES_SEEN / images), _LEAST_EPOCHS), _MOST_EPOCHS)


def _head_epochs(steps_per_epoch: int) -> int:
    return max(_HEAD_EPOCHS, math.ceil(_HEAD_LEAST_STEPS / steps_per_epoch))


def rate_factor(share: float, warmup: float) -> float:
    """Share of the highest rate when `share` of a phase is over: a rise, then half a cosine to 0.

    A function of the share and not of a count of steps, since a budget of time has no such count.
    """
    if share < warmup:
        return share / warmup
    return 0.5 * (1 + math.cos(math.pi * (share - warmup) / (1 - warmup)))
