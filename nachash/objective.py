"""The contract between an objective, the encoder that it trains and the loop that runs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from nachash.shapes import Float, Int64


@runtime_checkable
class Encoded(Protocol):
    """What an encoder returns for a batch."""

    @property
    def features(self) -> Float[Tensor, "batch features"]:
        """Pooled output of the backbone."""

    @property
    def activations(self) -> Float[Tensor, "batch bits"]:
        """One real number per bit; the bit is `activation > 0`."""


@runtime_checkable
class Encoder(Protocol):
    """The network that is learnt, an `nn.Module`; of its sizes a method sees these two."""

    features: int
    bits: int

    def __call__(self, views: Float[Tensor, "batch *shape"], /) -> Encoded:
        """Features and activations of images in [0, 1], or of features for a head alone."""


@runtime_checkable
class LinearEncoder(Encoder, Protocol):
    """An encoder whose activations a method can compute instead of learning them."""

    def project(self, weight: Float[Tensor, "bits features"], bias: Float[Tensor, "bits"]) -> None:
        """Make the activations weight @ features + bias.

        Raises:
            UsageError: the head is not `linear`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What a method is published with, used where the user leaves it open.

    Attributes:
        pretrained: a pretrained backbone that stays as it is, also for small pictures.
        augment: the recipe of its views; None for the one that suits the pictures.
        head: one of `encoders.encoder.HEADS`.
    """

    pretrained: bool = False
    augment: str | None = None
    head: str = "batch-norm"


@runtime_checkable
class Gather(Protocol):
    """Joins the parts of a batch that several processes hold."""

    def __call__(self, part: Tensor, /, dim: int = 0) -> Tensor:
        """The parts of all processes one after the other along `dim`, with gradients."""


def alone(part: Tensor, /, dim: int = 0) -> Tensor:
    """The whole batch, where one process has it."""
    del dim
    return part


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes that a method may fit itself to: training images, and images per step."""

    images: int
    batch: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Views of the images at `positions` of the training set, and the step's random numbers.

    A view is an image [3 height width], or its features [features] where a head alone is trained.
    `gather` joins what is per image over processes; it is the identity where there is one.
    `share` is how much of the run is over, from 0 to 1, for what changes on the way.
    """

    views: Float[Tensor, "views batch *shape"]
    positions: Int64[Tensor, "batch"]
    generator: torch.Generator
    gather: Gather = alone
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Loss:
    """What a step is trained on, and what is reported of it.

    Attributes:
        total: the number to minimise, in nats where the method has a unit.
        parts: numbers to report, detached; a name ends with its unit where it has one.
        activations: of all views, detached, for the balance of the bits.
        remembered: tensors that `after_step` takes up (keys of a queue, rows of a bank).
    """

    total: Float[Tensor, ""]
    parts: Mapping[str, Float[Tensor, ""]]
    activations: Float[Tensor, "n bits"]
    remembered: tuple[Tensor, ...] = ()


@runtime_checkable
class Method(Protocol):
    """A training objective around an encoder.

    Attributes:
        views: how many views of each image `forward` wants.
        phases: names of the parts of training, in order; each gets its share of the steps.
        settings: values in use, after everything automatic is settled; they become JSON.
    """

    views: int
    phases: tuple[str, ...]
    settings: Mapping[str, Any]

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        """Get ready for a phase; `encode()` encodes the whole training set when called."""

    def __call__(self, batch: Batch) -> Loss:
        """The loss of a batch; changes nothing but the running statistics of batch norms."""

    def after_step(self, loss: Loss) -> None:
        """Move queue, bank or momentum encoder after the optimiser's step."""
