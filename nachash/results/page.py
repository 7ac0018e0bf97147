"""Records of the pages that `--html` and `demo` write: rows of pictures with distances."""

from dataclasses import dataclass

from nachash.results.evaluate import Scores
from nachash.results.train import Training


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture on a page.

    `thumbnail` is a data URI, None where the file cannot be opened; `pixelated` when it is so
    small that it is enlarged. `code` and `difference` (to the row's first picture) are bits,
    as 0 and 1. `role` is a word like "query" or "keep"; `good` colours it, None leaves it plain.
    """

    thumbnail: str | None
    pixelated: bool
    name: str
    caption: str
    distance: int | None
    code: str
    difference: str
    role: str
    good: bool | None = None


@dataclass(frozen=True, slots=True)
class PageRow:
    """A query with its hits, or the kept image with its duplicates."""

    title: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A page of pictures: heading, one sentence, named facts, rows, and what was left out."""

    title: str
    about: str
    facts: tuple[tuple[str, str], ...]
    rows: tuple[PageRow, ...]
    notes: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Picture:
    """An image on a page: its bytes as a data URI, its name, its label."""

    uri: str
    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A hit on a page; `relevant` when it shares the query's label."""

    picture: Picture
    distance: int
    relevant: bool


@dataclass(frozen=True, slots=True)
class Gallery:
    """A query on a page, with its neighbours, nearest first."""

    query: Picture
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class DemoPage:
    """What the demo's page shows: the commands, the answers, the scores beside a baseline."""

    commands: tuple[str, ...]
    galleries: tuple[Gallery, ...]
    scores: Scores
    baseline: Scores
    training: Training
    version: str
