"""Frozen records of what is done to an index; they become JSON as those in `records` do."""

from dataclasses import dataclass


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
    """Result of `index remove`: images that no search finds any more."""

    index: str
    removed: tuple[str, ...]
    images: int


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
