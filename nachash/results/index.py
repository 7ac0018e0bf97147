"""Frozen records of what is done to an index; they become JSON as those in `records` do."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np

from nachash.records import Skipped
from nachash.shapes import Int64

UNKNOWN_TIME: Final = -(2**63)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What `--metadata` records of each image, for a condition and for people.

    `width` and `height` are pixels of the whole picture, upright; 0 where nobody has looked.
    `taken` counts seconds since 1970 on the camera's clock, which has no time zone;
    `UNKNOWN_TIME` where the picture does not say.
    """

    width: Int64[np.ndarray, "n"]
    height: Int64[np.ndarray, "n"]
    taken: Int64[np.ndarray, "n"]

    def at(self, rows: "Int64[np.ndarray, 'k'] | slice") -> "Metadata":
        """That of some of the images."""
        return Metadata(self.width[rows], self.height[rows], self.taken[rows])

    def fields(self, row: int) -> dict[str, int | str]:
        """What is known of one image, `taken` as 2020-01-31T12:30:00."""
        known: dict[str, int | str] = {}
        if self.width[row]:
            known |= {"width": int(self.width[row]), "height": int(self.height[row])}
        if self.taken[row] != UNKNOWN_TIME:
            seconds = dt.timedelta(seconds=int(self.taken[row]))
            known["taken"] = (dt.datetime(1970, 1, 1) + seconds).isoformat()  # noqa: DTZ001
        return known


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in an index: in which part of the file, and what."""

    part: str
    what: str


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """Result of `index info`; sizes are bytes, `written_by` names a process at work now."""

    index: str
    format_version: int
    created_by: str
    root: str
    images: int
    removed: int
    next_id: int
    bits: int
    labels: tuple[str, ...] | None
    metadata: tuple[str, ...] | None
    errors: int
    encoder: str
    encoder_bytes: int
    image_size: int
    file_bytes: int
    unfinished: bool
    written_by: str | None


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of `index verify`: how much was read, and everything that is wrong."""

    index: str
    rows: int
    bytes: int
    problems: tuple[Problem, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Removal:
    """Result of `index remove`: images that no search finds any more; with `dry_run`, would.

    `unknown`: images that may be missing or not, with the reason.
    """

    index: str
    removed: tuple[str, ...]
    images: int
    dry_run: bool = False
    unknown: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class Restoration:
    """Result of `index restore`: removed images that are found again; with `dry_run`, would be."""

    index: str
    restored: tuple[str, ...]
    images: int
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Result of `index compact` and `index merge`; sizes are bytes of the files."""

    index: str
    images: int
    dropped: int
    bytes_before: int
    bytes_after: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relocation:
    """Result of `index relocate`: of `looked_for` images, `found` are below the new root."""

    index: str
    old_root: str
    root: str
    images: int
    looked_for: int
    found: int


@dataclass(frozen=True, slots=True)
class Export:
    """Result of `index export`."""

    index: str
    out: str
    format: str
    images: int


@dataclass(frozen=True, slots=True)
class Repair:
    """Result of `index repair`: what was done; `kept` is where the damaged file lies now."""

    index: str
    done: tuple[str, ...]
    images: int
    lost: int
    kept: str | None = None
