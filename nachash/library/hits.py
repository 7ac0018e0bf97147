"""What an engine found among the rows of an index in memory, as hits with paths and labels."""

import os
from collections.abc import Sequence

import numpy as np

from nachash.library.picture import Picture
from nachash.records import Hits
from nachash.results.search import Hit
from nachash.shapes import Float32, Int64, UInt8
from nachash.tasks.search.rerank import Nearest, reranked
from nachash.tasks.search.shown_path import shown
from nachash.tasks.serve.snapshot import Snapshot


def names_of(pictures: Sequence[Picture] | np.ndarray) -> list[str]:
    """The path of each picture that is named by one, else an empty text."""
    return [os.fspath(each) if isinstance(each, str | os.PathLike) else "" for each in pictures]


def rows_of(hits: Hits) -> list[Nearest]:
    """The hits of each query by themselves."""
    return [Nearest(*hits.row(number)) for number in range(hits.queries)]


def reordered(
    snapshot: Snapshot,
    activations: Float32[np.ndarray, "queries bits"],
    nearest: Sequence[Nearest],
    count: int,
) -> list[Nearest]:
    """The first `count` hits of each query in the order of their asymmetric distances."""

    def codes_of(ids: Int64[np.ndarray, "k"]) -> UInt8[np.ndarray, "k bytes"]:
        return snapshot.codes[snapshot.positions(ids)]

    pairs = zip(activations, nearest, strict=True)
    return [reranked(codes_of, own, found, count) for own, found in pairs]


def described(
    snapshot: Snapshot, names: Sequence[str], nearest: Sequence[Nearest], k: int | None
) -> list[list[Hit]]:
    """The first k hits of each query, all where k is None."""
    return [_row(snapshot, name, each, k) for name, each in zip(names, nearest, strict=True)]


def _row(snapshot: Snapshot, name: str, nearest: Nearest, k: int | None) -> list[Hit]:
    ids, distances = nearest.ids[:k], nearest.distances[:k]
    places = snapshot.positions(ids).tolist()
    columns = zip(ids.tolist(), distances.tolist(), places, nearest.weights(len(ids)), strict=True)
    return [
        Hit(
            query=name,
            rank=rank,
            id=identifier,
            path=shown(snapshot.root, snapshot.path_of(place)),
            distance=distance,
            label=snapshot.label(place),
            asymmetric=weight,
        )
        for rank, (identifier, distance, place, weight) in enumerate(columns, start=1)
    ]
