"""Hits as people and programs read them: with paths, labels and what metadata tell."""

import math
from collections.abc import Sequence

from nachash.records import Hits
from nachash.results.search import Hit
from nachash.tasks.search.searchable import Searchable
from nachash.tasks.search.shown_path import shown


def described(searched: Searchable, names: Sequence[str], hits: Hits) -> list[list[Hit]]:
    """The hits of each query, which has a name."""
    return [described_row(searched, name, hits, number) for number, name in enumerate(names)]


def described_row(searched: Searchable, name: str, hits: Hits, number: int) -> list[Hit]:
    """The hits of one query."""
    distances, ids = hits.row(number)
    positions = searched.positions(ids)
    columns = zip(
        ids.tolist(),
        distances.tolist(),
        searched.paths(positions),
        searched.label_texts(positions),
        searched.known(positions),
        _weights(hits, number),
        strict=True,
    )
    return [
        Hit(name, rank, own, shown(searched.root, path), distance, label, weight, **known)
        for rank, (own, distance, path, label, known, weight) in enumerate(columns, start=1)
    ]


def _weights(hits: Hits, number: int) -> list[float | None]:
    """The asymmetric distance of each hit of a query, None where there is none."""
    own = slice(int(hits.starts[number]), int(hits.ends[number]))
    if hits.asymmetric is None:
        return [None] * (own.stop - own.start)
    return [None if math.isnan(weight) else weight for weight in hits.asymmetric[own].tolist()]
