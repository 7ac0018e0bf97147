"""What `search` answers."""

from dataclasses import dataclass

from nachash.records import Skipped


@dataclass(frozen=True, slots=True)
class Hit:
    """One line of `search --json`; `rank` counts from 1, `distance` counts bits.

    `asymmetric` is the distance that `--rerank` orders by, None where it did not. `taken` is the
    camera's time as 2020-01-31T12:30:00; it and the size are None where they are not known.
    """

    query: str
    rank: int
    id: int
    path: str
    distance: int
    label: str | None = None
    asymmetric: float | None = None
    width: int | None = None
    height: int | None = None
    taken: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Result of `search`: hits by query, in the order of the queries; their codes in hex."""

    index: str
    queries: tuple[str, ...]
    hits: tuple[tuple[Hit, ...], ...]
    bits: int
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    query_codes: tuple[str, ...] = ()
