"""`search`: query pictures or indexed images -> codes -> the nearest images of an index."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nachash import codes
from nachash.errors import ImageError, MissingError, UsageError
from nachash.images.sources.root import names_below
from nachash.index.reader import Index
from nachash.index.reading import reading
from nachash.records import Skipped, Source
from nachash.results.search import Answer
from nachash.shapes import Float32, UInt8
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.search import nearest, path_filter
from nachash.tasks.search.hits import described
from nachash.tasks.search.nearest import ALL, Wish
from nachash.tasks.search.options import SearchSettings
from nachash.tasks.search.radius import similar_radius
from nachash.tasks.search.row_filter import parsed
from nachash.tasks.search.searchable import Searchable
from nachash.tasks.search.shown_path import shown

if TYPE_CHECKING:
    from PIL import Image

DEFAULT_K = 10


@dataclass(frozen=True, slots=True)
class Query:
    """A code to search for; `own_id` is that of an indexed image, which is no hit of its own."""

    name: str
    code: UInt8[np.ndarray, "bytes"]
    own_id: int = -1
    activations: Float32[np.ndarray, "bits"] | None = None


def search(settings: SearchSettings) -> Answer:
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
    for text in settings.where:
        parsed(text)
    path = chosen_index(settings.index)
    return reading(path, lambda index: _answer(settings, index), check=not settings.no_check)


def _answer(settings: SearchSettings, index: Index) -> Answer:
    searched = Searchable(index, engine=settings.engine, most_bytes=sys.maxsize)
    wish = _wish(settings, searched)
    queries, skipped = _queries(settings, searched, index)
    real = [query.activations for query in queries if query.activations is not None]
    indexed = any(query.own_id >= 0 for query in queries)
    hits = nearest.search(
        searched,
        np.stack([query.code for query in queries]),
        wish,
        activations=np.stack(real) if wish.rerank else None,
        own_ids=np.array([query.own_id for query in queries]) if indexed else None,
    )
    names = tuple(query.name for query in queries)
    return Answer(
        index=str(searched.path),
        queries=names,
        hits=tuple(map(tuple, described(searched, names, hits))),
        bits=searched.bits,
        skipped=tuple(skipped),
        notes=_notes(wish, settings.k, searched),
        query_codes=tuple(query.code.tobytes().hex() for query in queries),
    )


def _wish(settings: SearchSettings, searched: Searchable) -> Wish:
    """What is asked, with the calibrated radius where --similar asks for it."""
    radius = settings.max_distance
    if settings.similar and radius is not None:
        raise UsageError("--similar and --max-distance exclude each other", "use one of them")
    if settings.similar:
        radius = similar_radius(searched.calibration, searched.path)
    return Wish(
        k=settings.k or (DEFAULT_K if radius is None else ALL),
        radius=radius,
        rerank=settings.rerank,
        where=settings.where,
        under=tuple(_folder(searched, folder) for folder in settings.under),
    )


def _folder(searched: Searchable, folder: str) -> str:
    """A folder by the name that the index has for it, whatever links the user's name has."""
    paths = searched.path_bytes()
    names = (folder.removeprefix("./").rstrip("/"), *names_below(searched.root, folder))
    return next((name for name in names if path_filter.below(paths, name).any()), folder)


def _queries(
    settings: SearchSettings, searched: Searchable, index: Index
) -> tuple[list[Query], list[Skipped]]:
    pictures, skipped = _pictures(settings.queries, searched)
    rows = [searched.position(identifier) for identifier in settings.ids]
    rows += [_position(index, path) for path in settings.paths]
    if not rows:
        return pictures, skipped
    names = searched.paths(np.array(rows))
    indexed = [
        Query(shown(searched.root, name), searched.codes[row], int(searched.ids[row]))
        for name, row in zip(names, rows, strict=True)
    ]
    return pictures + indexed, skipped


def _pictures(locations: Sequence[str], searched: Searchable) -> tuple[list[Query], list[Skipped]]:
    """Codes of query pictures; one that cannot be read is skipped as long as another can."""
    if not locations:
        return [], []
    from nachash.images.decoding.decode import decode

    names, pixels, skipped = [], [], []
    for name, opened in _opened(locations):
        try:
            pixels.append(decode(opened(), searched.preprocessing))
            names.append(name)
        except ImageError as error:
            skipped.append(Skipped(name, error.sentence))
    if not pixels:
        reasons = "; ".join(f"{query.path}: {query.reason}" for query in skipped)
        raise ImageError(f"no query can be read ({reasons})", "nachash search query.jpg")
    activations = searched.encoder.activations(np.stack(pixels))
    queries = zip(names, codes.encode(activations), activations, strict=True)
    return [Query(name, code, activations=real) for name, code, real in queries], skipped


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
            lines = path_list.paths_in(data, "the list on stdin")
            yield from _listed(location.source("-", lines), "-")


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


def _position(index: Index, path: str) -> int:
    """Row of an image named as in the index or as a path from here."""
    for name in (path, *names_below(index.root, path)):
        with suppress(MissingError):
            return index.position_of_path(name)
    return index.position_of_path(path)


def _notes(wish: Wish, k: int | None, searched: Searchable) -> tuple[str, ...]:
    notes = []
    count = nearest.filtered(searched, wish.where, wish.under).count
    if wish.where or wish.under:
        notes.append(f"searched {count:,} of {searched.rows:,} images, as the filter says")
    if k is not None and k > count:
        notes.append(f"only {count:,} images are searched, fewer than k = {k:,}")
    return tuple(notes)
