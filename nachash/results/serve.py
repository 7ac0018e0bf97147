"""Records that `nachash serve` answers with; their fields are its JSON."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServedImage:
    """An image of the index.

    `distance` counts the bits that differ from the query, None where nothing was asked. `code` is
    in hex. `same` and `different` draw the ones that the query has too and the bits in which both
    differ, as the path of an SVG; None unless asked for.
    """

    id: int
    path: str
    distance: int | None
    label: str | None
    code: str
    same: str | None = None
    different: str | None = None


@dataclass(frozen=True, slots=True)
class ServedAnswer:
    """The nearest images of one query, ordered by (distance, id).

    `images` are in the index, `searched` of them were left by the filter. `within[r]` counts
    those at most r bits away, None unless asked for. `id` and `path` are the query's own where it
    is an image of the index, which is then neither among the hits nor counted.
    """

    code: str
    bits: int
    images: int
    searched: int
    hits: tuple[ServedImage, ...]
    within: tuple[int, ...] | None = None
    id: int | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class ServedHits:
    """Ids of the nearest images of each of several queries, and their distances."""

    ids: list[list[int]]
    distances: list[list[int]]


@dataclass(frozen=True, slots=True)
class ServedSample:
    """Some images of the index, evenly spread."""

    images: int
    searched: int
    sample: tuple[ServedImage, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """What is served: `columns` and `lines` are the grid in which codes are drawn.

    The radii are those that `nachash calibrate` measured. `trouble` says why the state of the
    file that is on disk now cannot be served; the last good one is.
    """

    status: str
    index: str
    images: int
    bits: int
    labels: tuple[str, ...]
    watch: bool
    same_photo_radius: int | None
    similar_radius: int | None
    columns: int
    lines: int
    version: str
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not answered: a sentence, and what to do instead."""

    error: str
    hint: str = ""
