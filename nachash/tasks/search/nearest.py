"""The nearest rows of a searchable index, all of them or those that a filter leaves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from nachash.index.reader import Index
from nachash.records import Hits
from nachash.shapes import Float32, Int64, UInt8
from nachash.tasks.search.rerank import reranked
from nachash.tasks.search.row_filter import Condition, matching, parsed
from nachash.tasks.search.rows import Rows, bitmap
from nachash.tasks.search.searchable import Searchable

ALL: Final = 2**62  # as a k
_OWN_SHARE: Final = 8  # a filter gets codes of its own where they take at most 1/8 of the cache
_ID_BYTES: Final = 8
_IN_MEMORY: Final = {"label", "path"}  # what conditions can be on without the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked of a query: the `k` nearest, those within `radius`, of the rows of a filter.

    With `rerank`, so many nearest are first put in the order of their asymmetric distances. With
    `counts`, a server also counts the images within each radius.
    """

    k: int = 10
    radius: int | None = None
    rerank: int | None = None
    where: tuple[str, ...] = ()
    under: tuple[str, ...] = ()
    counts: bool = False


def search(
    searched: Searchable,
    codes: UInt8[np.ndarray, "queries bytes"],
    wish: Wish,
    *,
    activations: Float32[np.ndarray, "queries bits"] | None = None,
    own_ids: Int64[np.ndarray, "queries"] | None = None,
) -> Hits:
    """What is wished of each code, ordered by (distance, id), or as `rerank` says.

    Args:
        searched: the index.
        codes: the queries.
        wish: what of each.
        activations: of the queries, for `rerank`.
        own_ids: for each query that is an image of the index its id, which is no hit of it.

    Raises:
        UsageError: for k below 1, a negative radius, codes of another length, or a condition
            that makes no sense.
    """
    rows = filtered(searched, wish.where, wish.under)
    if wish.radius is not None:
        hits = rows.engine.within(codes, wish.radius)
    else:
        nearest = max(wish.k, wish.rerank or 0)
        hits = rows.engine.search(codes, nearest + (own_ids is not None))
    if own_ids is not None:
        hits = hits.keep(hits.ids != own_ids[hits.numbers])
    if wish.rerank and activations is not None:
        hits = reranked(hits, searched.codes_of, activations, wish.rerank)
    return hits.first(wish.k)


def filtered(searched: Searchable, where: Iterable[str], under: Iterable[str]) -> Rows:
    """The rows that `--where` and `--under` leave.

    A filter by size, time or metadata leaves out what the file has lost since.

    Raises:
        UsageError, MissingError: see `row_filter.matching`.
        MissingError, DamagedError, StorageError: such a filter, and the file cannot be read.
    """
    where, under = tuple(where), tuple(under)
    if not where and not under:
        return searched.unfiltered
    conditions = [parsed(text) for text in where]
    return searched.filters.value((where, under), lambda: _rows(searched, conditions, under))


def _rows(searched: Searchable, conditions: Sequence[Condition], under: Sequence[str]) -> Rows:
    kept = matching(searched, conditions, under)
    of_file = any(condition.field not in _IN_MEMORY for condition in conditions)
    if of_file and searched.outdated():
        kept &= searched.column(Index.ids) == searched.ids
    count = int(np.count_nonzero(kept))
    ids, held = searched.ids[kept], bitmap(kept)
    # FAISS copies the codes once more.
    own = count * (2 * searched.codes.shape[1] + _ID_BYTES)
    if own > searched.filters.most_bytes // _OWN_SHARE:
        engine = searched.unfiltered.engine.among(ids)
        return Rows(searched.codes, held, count, engine, 2 * held.nbytes)
    engine = searched.build(searched.codes[kept], ids)
    return Rows(searched.codes, held, count, engine, own + held.nbytes)
