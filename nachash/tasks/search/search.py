"""`search`: query pictures or indexed images -> codes -> the nearest images of an index."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nachash import codes, plugins
from nachash.errors import ImageError, MissingError, UsageError
from nachash.index.reader import Index
from nachash.index.reading import reading
from nachash.records import Hits, Skipped, Source
from nachash.results.index import Metadata
from nachash.results.search import Answer, Hit
from nachash.shapes import Bool, Float32, Int64, UInt8
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.search.radius import calibration_of, similar_radius
from nachash.tasks.search.rerank import Nearest, reranked
from nachash.tasks.search.row_filter import Condition, matching, parsed
from nachash.tasks.search.shown_path import shown

if TYPE_CHECKING:
    from PIL import Image

DEFAULT_K = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """What `search` needs to know; the words are those of the command line."""

    queries: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()
    paths: tuple[str, ...] = ()
    index: Path | None = None
    k: int | None = None
    max_distance: int | None = None
    similar: bool = False
    rerank: int | None = None
    engine: str = "faiss-flat"
    where: tuple[str, ...] = ()
    under: tuple[str, ...] = ()
    no_check: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A code to search for; `own_id` is the row of an indexed image, left out of its own hits."""

    name: str
    code: UInt8[np.ndarray, "bytes"]
    own_id: int | None = None
    activations: Float32[np.ndarray, "bits"] | None = None


def search(settings: SearchSettings, *, choice: Callable[[str], None]) -> Answer:
    """The nearest images of an index for every query, ordered by (distance, id).

    Raises:
        UsageError: nothing to search for.
        MissingError: no index, or an id or path that is not in it.
        ImageError: none of the queries is an image.
        DamagedError, IncompatibleError: the index cannot be read.
    """
    if not (settings.queries or settings.ids or settings.paths):
        raise UsageError("there is nothing to search for", "nachash search query.jpg")
    if settings.rerank and (settings.ids or settings.paths):
        raise UsageError(
            "--rerank needs the real-valued projection of a query, and of an indexed image only "
            "the bits are known",
            "name the image's file instead of --id or --path",
        )
    conditions = [parsed(text) for text in settings.where]
    path = chosen_index(settings.index, choice)
    return reading(
        path, lambda index: _answer(settings, index, conditions), check=not settings.no_check
    )


def _answer(settings: SearchSettings, index: Index, conditions: Sequence[Condition]) -> Answer:
    settings = _with_radius(settings, index)
    queries, skipped = _queries(settings, index)
    filtered = conditions or settings.under
    rows = matching(index, conditions, settings.under) if filtered else None
    limit = settings.k if settings.max_distance is not None else settings.k or DEFAULT_K
    hits = _hits(settings, index, queries, rows)
    return Answer(
        index=str(index.path),
        queries=tuple(query.name for query in queries),
        hits=_described(index, queries, hits, limit, settings.rerank),
        bits=index.bits,
        skipped=tuple(skipped),
        notes=_notes(settings, index, rows),
        query_codes=tuple(query.code.tobytes().hex() for query in queries),
    )


def _with_radius(settings: SearchSettings, index: Index) -> SearchSettings:
    """The settings with the calibrated radius where --similar asks for it."""
    if not settings.similar:
        return settings
    if settings.max_distance is not None:
        raise UsageError("--similar and --max-distance exclude each other", "use one of them")
    return replace(settings, max_distance=similar_radius(calibration_of(index), index.path))


def _queries(settings: SearchSettings, index: Index) -> tuple[list[Query], list[Skipped]]:
    pictures, skipped = _pictures(settings.queries, index)
    rows = [index.position_of_id(identifier) for identifier in settings.ids]
    rows += [_position(index, path) for path in settings.paths]
    if not rows:
        return pictures, skipped
    all_codes, ids = index.codes(), index.ids()
    names = index.paths(np.array(rows))
    indexed = [
        Query(shown(index.root, name), all_codes[row], int(ids[row]))
        for name, row in zip(names, rows, strict=True)
    ]
    return pictures + indexed, skipped


def _pictures(locations: Sequence[str], index: Index) -> tuple[list[Query], list[Skipped]]:
    """Codes of query pictures; one that cannot be read is skipped as long as another can."""
    if not locations:
        return [], []
    from nachash.images.decoding.decode import decode

    names, pixels, skipped = [], [], []
    for name, opened in _opened(locations):
        try:
            pixels.append(decode(opened(), index.preprocessing))
            names.append(name)
        except ImageError as error:
            skipped.append(Skipped(name, error.sentence))
    if not pixels:
        reasons = "; ".join(f"{query.path}: {query.reason}" for query in skipped)
        raise ImageError(f"no query can be read ({reasons})", "nachash search query.jpg")
    from nachash.inference.onnx_encoder import OnnxEncoder

    encoder = OnnxEncoder(index.encoder, threads=None)
    activations = encoder.activations(np.stack(pixels))
    queries = zip(names, codes.encode(activations), activations, strict=True)
    return [Query(name, code, None, real) for name, code, real in queries], skipped


def _opened(locations: Sequence[str]) -> "Iterator[tuple[str, Callable[[], Image.Image]]]":
    """Each query's name and a function that opens it; '-' is a picture or paths on stdin."""
    from nachash.images.decoding import formats
    from nachash.images.sources import location, path_list

    for place in locations:
        if place != "-":
            yield from _listed(location.source(place, sys.stdin), place)
            continue
        data = sys.stdin.buffer.read()
        if formats.has_image_signature(data[: formats.SIGNATURE_BYTES]):
            yield "-", partial(formats.opened, data)
        else:
            text = data.decode("utf-8", errors="surrogateescape")
            yield from _listed(path_list.source(text.splitlines(), os.curdir), "-")


def _listed(source: Source, place: str) -> "Iterator[tuple[str, Callable[[], Image.Image]]]":
    """The images of a source, the only one of it named as the user named it."""
    for image in source.skipped:
        yield image.path, partial(_refuse, image)
    for reference in source.references:
        single = place != "-" and len(source.references) == 1
        below = (
            f"{source.root}/{reference.path}"
            if "://" in source.root
            else str(Path(source.root, reference.path))
        )
        name = place if single else below
        yield name, partial(source.open, reference)


def _refuse(image: Skipped) -> "Image.Image":
    raise ImageError(image.reason)


def _hits(
    settings: SearchSettings,
    index: Index,
    queries: Sequence[Query],
    rows: Bool[np.ndarray, "n"] | None,
) -> Hits:
    """The answer of an engine that knows nothing but the rows that the filter leaves."""
    searched = slice(None) if rows is None else rows
    engine = plugins.load("engines", settings.engine).build(
        index.codes()[searched], ids=index.ids()[searched], bits=index.bits
    )
    matrix = np.stack([query.code for query in queries])
    if settings.max_distance is not None:
        return engine.within(matrix, settings.max_distance)
    own = int(any(query.own_id is not None for query in queries))
    return engine.search(matrix, max(settings.k or DEFAULT_K, settings.rerank or 0) + own)


def _described(
    index: Index,
    queries: Sequence[Query],
    hits: Hits,
    limit: int | None,
    rerank: int | None,
) -> tuple[tuple[Hit, ...], ...]:
    """Hits with paths and labels; an indexed query is not its own hit."""
    metadata = index.metadata()

    def codes_of(ids: Int64[np.ndarray, "k"]) -> UInt8[np.ndarray, "k bytes"]:
        return index.codes()[index.positions_of_ids(ids)]

    rows = []
    for number, query in enumerate(queries):
        distances, ids = hits.row(number)
        others = ids != (-1 if query.own_id is None else query.own_id)
        nearest = Nearest(distances[others], ids[others])
        if rerank:
            assert query.activations is not None
            nearest = reranked(codes_of, query.activations, nearest, rerank)
        rows.append(_row(index, metadata, query.name, nearest, limit))
    return tuple(rows)


def _row(
    index: Index,
    metadata: Metadata | None,
    query: str,
    nearest: Nearest,
    limit: int | None,
) -> tuple[Hit, ...]:
    ids, distances = nearest.ids[:limit], nearest.distances[:limit]
    positions = index.positions_of_ids(ids)
    paths = index.paths(positions)
    texts = index.label_texts(positions)
    known = [{} if metadata is None else metadata.fields(row) for row in positions.tolist()]
    return tuple(
        Hit(query, rank, int(identifier), shown(index.root, path), int(distance), *more, **facts)
        for rank, (distance, identifier, path, facts, *more) in enumerate(
            zip(distances, ids, paths, known, texts, nearest.weights(len(ids)), strict=True),
            start=1,
        )
    )


def _position(index: Index, path: str) -> int:
    """Row of an image named as in the index or as a path from here."""
    try:
        return index.position_of_path(path)
    except MissingError:
        if path.startswith(f"{index.root}/"):
            return index.position_of_path(path.removeprefix(f"{index.root}/"))
        full = Path(path).resolve()
        if not full.is_relative_to(index.root):
            raise
        return index.position_of_path(full.relative_to(index.root).as_posix())


def _notes(
    settings: SearchSettings, index: Index, rows: Bool[np.ndarray, "n"] | None
) -> tuple[str, ...]:
    notes = []
    searched = index.rows
    if rows is not None:
        searched = int(rows.sum())
        notes.append(f"searched {searched:,} of {index.rows:,} images, as the filter says")
    if settings.k is not None and settings.k > searched:
        notes.append(f"only {searched:,} images are searched, fewer than k = {settings.k:,}")
    return tuple(notes)
