"""What `encode` and `index add` did."""

from dataclasses import dataclass

from nachash.records import Skipped


@dataclass(frozen=True, slots=True)
class Encoding:
    """Result of `encode` and `index add`: `images` codes are in the index, `skipped` are not.

    `renamed`: of the unchanged ones, those that have another path now. `unmatched`: rows of
    a table of labels that name no image.
    """

    index: str
    model: str
    images: int
    skipped: tuple[Skipped, ...]
    bits: int
    labels: int
    runtime: str
    seconds: float
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    unmatched: int = 0
    renamed: int = 0
