"""Record of `calibrate`: how far apart random images and copies of one image are."""

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Calibration:
    """Counts of distances 0 to `bits` in three samples, and the radii that follow from them.

    `random` counts random pairs of indexed images, `same_photo` copies that were resized,
    recompressed or slightly cut, `similar` those that were also cropped, mirrored or recoloured,
    both against their original. `rows` images were in the index.
    """

    bits: int
    rows: int
    images: int
    random: tuple[int, ...]
    same_photo: tuple[int, ...]
    similar: tuple[int, ...]
    same_photo_radius: int
    similar_radius: int

    def false_positives(self, radius: int) -> float:
        """Strangers expected among the hits of one query within the radius."""
        return (self.rows - 1) * self._share(self.random, radius)

    def recall(self, radius: int) -> float:
        """Share of the copies of the same photo within the radius."""
        return self._share(self.same_photo, radius)

    def similar_recall(self, radius: int) -> float:
        """Share of the changed copies within the radius."""
        return self._share(self.similar, radius)

    @staticmethod
    def _share(counts: tuple[int, ...], radius: int) -> float:
        return sum(counts[: radius + 1]) / max(1, sum(counts))

    def to_json(self) -> str:
        """The form in which an index stores it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Calibration":
        """The record that `to_json` wrote.

        Raises:
            KeyError, ValueError, TypeError: the text is no such record.
        """
        values: dict[str, Any] = json.loads(text)
        for name in ("random", "same_photo", "similar"):
            values[name] = tuple(values[name])
        return cls(**values)
