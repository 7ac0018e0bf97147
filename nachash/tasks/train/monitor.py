"""`--monitor`: how well codes retrieve by label while they are learnt; it steers nothing.

Labels are looked at here and nowhere else in training: neither the loss nor the choice of what is
kept sees them, so that a run with a monitor ends with the same weights as one without.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from nachash import codes
from nachash.errors import UsageError
from nachash.shapes import UInt8
from nachash.tasks.evaluate.evaluate import scores_of
from nachash.tasks.evaluate.retrieval import Labelled, Retrieval
from nachash.tasks.train.images import TrainingData
from nachash.tasks.train.material import Material

if TYPE_CHECKING:
    from nachash.training.loop import Step

_IMAGES: Final = 1000
_TIMES: Final = 20


def check(data: TrainingData) -> None:
    """Refuse to watch images without labels, before they are decoded.

    Raises:
        UsageError: nothing says which images are alike, or all are.
    """
    if data.labels is None or data.labels.shape[1] < 2:
        raise UsageError(
            "--monitor needs labels of two classes or more, and these images have none",
            "a folder with a folder per class, or --dataset NAME, both without --limit; "
            "or leave out --monitor",
        )


@dataclass(slots=True)
class Monitor:
    """Measures the codes of some training images twenty times in a run."""

    material: Material
    labels: UInt8[np.ndarray, "n classes"]
    bits: int
    _seen: int = 0

    @property
    def positions(self) -> "np.ndarray":
        """Up to 1,000 images, spread evenly."""
        count = min(_IMAGES, self.material.images)
        return np.linspace(0, self.material.images - 1, count).astype(np.int64)

    def __call__(self, step: "Step") -> dict[str, float]:
        """`monitor_map` where it is time, leave-one-out over the chosen images; else nothing."""
        due = step.number * _TIMES // step.steps
        if due == self._seen and step.number != 1:
            return {}
        self._seen = due
        packed = codes.encode(self.material.activations(self.positions))
        every = Labelled(packed, self.labels[self.positions])
        own = np.arange(len(packed), dtype=np.int64)
        task = Retrieval(every, every, own, self.bits, "leave-one-out", "training images")
        return {"monitor_map": scores_of(task).map}


def watching(
    data: TrainingData, material: Material, bits: int
) -> Callable[["Step"], dict[str, float]]:
    """A monitor where there are labels, else something that sees nothing.

    Raises:
        UsageError: an image could not be read, so that labels and images do not match.
    """
    if data.labels is None:
        return nothing
    if material.skipped:
        raise UsageError(
            f"--monitor wants every image, and {material.skipped[0].path} cannot be read",
            "leave out --monitor",
        )
    return Monitor(material, data.labels, bits)


def nothing(step: "Step") -> dict[str, float]:
    """Sees nothing of a step."""
    del step
    return {}
