"""`nachash.Hits`: what a search found, as arrays over all pictures and as a list for each."""

import functools
import os
from collections.abc import Iterator, Sequence
from typing import final

import numpy as np

from nachash.library import notebook
from nachash.library.picture import Picture
from nachash.records import Hits as Found
from nachash.results.search import Hit
from nachash.shapes import Float64, Int64
from nachash.tasks.search.hits import described_row
from nachash.tasks.search.searchable import Searchable


@final
class Hits:
    """The hits of some pictures: `hits[0]` is a list of `Hit`, best first, made when asked for.

    The arrays stand for all pictures one after the other: those of picture q are
    `ends[q - 1]:ends[q]`. `asymmetric` is what `rerank` orders by, nan behind what it ordered,
    None without it.
    """

    def __init__(self, searched: Searchable, names: Sequence[str], found: Found) -> None:
        self._searched, self._names, self._found = searched, names, found

    @property
    def ids(self) -> Int64[np.ndarray, "hits"]:
        """The id of each hit."""
        return self._found.ids

    @property
    def distances(self) -> Int64[np.ndarray, "hits"]:
        """The bits in which the code of each hit differs."""
        return self._found.distances

    @property
    def ends(self) -> Int64[np.ndarray, "queries"]:
        """Where the hits of each picture end."""
        return self._found.ends

    @property
    def asymmetric(self) -> Float64[np.ndarray, "hits"] | None:
        """The asymmetric distance of each hit."""
        return self._found.asymmetric

    @functools.cached_property
    def positions(self) -> Int64[np.ndarray, "hits"]:
        """The place of each hit in the columns of the index, such as `Index.codes`."""
        return self._searched.positions(self.ids)

    @property
    def paths(self) -> list[str]:
        """The path of each hit, as the index has it."""
        return self._searched.paths(self.positions)

    @property
    def labels(self) -> list[str | None]:
        """The names of each hit's labels, joined by a semicolon; None without labels."""
        return self._searched.label_texts(self.positions)

    def __len__(self) -> int:
        return self._found.queries

    def __getitem__(self, picture: int) -> list[Hit]:
        number = range(len(self))[picture]
        return described_row(self._searched, self._names[number], self._found, number)

    def __iter__(self) -> Iterator[list[Hit]]:
        return (self[number] for number in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Hits) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def _repr_html_(self) -> str:
        return notebook.hits(self._names, self, len(self))

    def __repr__(self) -> str:
        return f"Hits({len(self.ids):,} images for {len(self):,} pictures)"


def names_of(pictures: Sequence[Picture] | np.ndarray) -> list[str]:
    """The path of each picture that is named by one, else an empty text."""
    return [os.fspath(each) if isinstance(each, str | os.PathLike) else "" for each in pictures]
