"""Results as pages of pictures: what `search`, `dedup` and `eval-map` found, to look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from nachash import __version__, plugins
from nachash import codes as code
from nachash.errors import ImageError
from nachash.images.sources.hosts import NONE, Hosts
from nachash.images.thumbnail import thumbnail
from nachash.index.ragged import Ragged
from nachash.index.reader import Index, open_index
from nachash.results.dedup import Duplicate, Duplicates
from nachash.results.evaluate import Scores
from nachash.results.page import PageRow, ResultPage, Tile
from nachash.results.search import Answer, Hit
from nachash.shapes import Bool, UInt8
from nachash.tasks.search.shown_path import shown

MOST_ROWS: Final = 100
MOST_TILES: Final = 60
SHOWN_QUERIES: Final = 16
SHOWN_NEIGHBOURS: Final = 8


def of_search(answer: Answer, hosts: Hosts = NONE) -> ResultPage:
    """Each query with its hits; pictures at URLs only of the hosts that the user named.

    Raises:
        MissingError, DamagedError: the index cannot be read any more.
    """
    with open_index(Path(answer.index)) as index:
        rows = tuple(
            _search_row(index, query, bytes.fromhex(hexadecimal), hits, hosts)
            for query, hexadecimal, hits in zip(
                answer.queries[:MOST_ROWS], answer.query_codes, answer.hits, strict=False
            )
        )
    counted = sum(map(len, answer.hits))
    facts = (
        ("index", answer.index),
        ("codes", f"{answer.bits} bits"),
        ("queries", f"{len(answer.queries):,}"),
        ("hits", f"{counted:,}"),
    )
    about = "Nearest images by Hamming distance: the number of bits in which two codes differ."
    return _page("Search", about, facts, rows, _left_out(answer.hits))


def _search_row(
    index: Index, query: str, asked: bytes, hits: Sequence[Hit], hosts: Hosts
) -> PageRow:
    own = _bits(asked, index.bits)
    ids = np.array([hit.id for hit in hits[:MOST_TILES]], np.int64)
    found = index.codes()[index.positions_of_ids(ids)] if len(ids) else ()
    tiles = [_tile(query, "", None, own, own, "query", hosts=hosts)]
    for hit, bits in zip(hits, found, strict=False):
        caption = hit.label or ""
        tiles.append(
            _tile(
                hit.path,
                caption,
                hit.distance,
                _bits(bits.tobytes(), index.bits),
                own,
                "",
                hosts=hosts,
            )
        )
    return PageRow(query, tuple(tiles))


def of_dedup(found: Duplicates, hosts: Hosts = NONE) -> ResultPage:
    """Each group with the image to keep first."""
    rows = tuple(
        PageRow(f"group {number}: {len(group):,} images", _group_tiles(group, found.bits, hosts))
        for number, group in enumerate(found.groups[:MOST_ROWS], start=1)
    )
    facts = (
        ("source", found.source),
        ("images", f"{found.images:,}"),
        ("groups", f"{len(found.groups):,}"),
        ("surplus", f"{found.surplus:,}"),
        ("within", f"{found.max_distance} of {found.bits} bits, {found.grouping}"),
    )
    about = "Images that look the same. The first of each group is the one to keep."
    return _page("Duplicates", about, facts, rows, _left_out(found.groups))


def _group_tiles(group: Sequence[Duplicate], bits: int, hosts: Hosts) -> tuple[Tile, ...]:
    keeper = _bits(bytes.fromhex(group[0].code), bits)
    return tuple(
        _tile(
            each.path,
            _of_file(each),
            each.distance,
            _bits(bytes.fromhex(each.code), bits),
            keeper,
            "keep" if each.keep else "reference" if each.reference else "surplus",
            good=True if each.keep or each.reference else None,
            hosts=hosts,
        )
        for each in group[:MOST_TILES]
    )


def _of_file(each: Duplicate) -> str:
    known = f"{each.width} x {each.height}, {each.size:,} bytes"
    return known if each.agreement is None else f"{known}, {each.agreement:.0%} agrees"


def of_evaluation(
    scores: Scores, gallery: Path, queries: Path | None, hosts: Hosts = NONE
) -> ResultPage:
    """The scores, and a sample of queries (evenly spread) with their nearest images.

    Raises:
        MissingError, DamagedError, UsageError: an index cannot be read any more.
    """
    with open_index(gallery) as index, open_index(queries or gallery) as asked:
        rows = _sampled(index, asked, leave_out=queries is None, hosts=hosts)
    facts = (
        (f"mAP@{scores.at or 'all'}", f"{100 * scores.map:.2f} %"),
        (
            "tie bounds",
            f"{100 * scores.map_pessimistic:.2f} to {100 * scores.map_optimistic:.2f} %",
        ),
        ("chance", f"{100 * scores.chance:.2f} %"),
        ("queries", f"{scores.queries:,}"),
        ("gallery", f"{scores.gallery:,} codes of {scores.bits} bits"),
        ("protocol", scores.protocol),
    )
    about = (
        f"{len(rows)} queries, evenly spread, with their nearest images. Marked as relevant: "
        "images that share a label with the query."
    )
    return _page("Retrieval", about, facts, rows, ())


@dataclass(frozen=True, slots=True)
class _Images:
    """Columns of an index, each read once."""

    index: Index
    codes: UInt8[np.ndarray, "n bytes"]
    labels: Ragged
    hosts: Hosts

    @classmethod
    def of(cls, index: Index, hosts: Hosts) -> "_Images":
        return cls(index, index.codes(), index.label_numbers(), hosts)

    def bits(self, row: int) -> Bool[np.ndarray, "bits"]:
        return _bits(self.codes[row].tobytes(), self.index.bits)

    def label_names(self, row: int) -> set[str]:
        names = self.index.label_names or ()
        return {names[number] for number in self.labels.row(row).tolist()}

    def path(self, row: int) -> str:
        return shown(self.index.root, self.index.paths(np.array([row]))[0])


def _sampled(index: Index, asked: Index, *, leave_out: bool, hosts: Hosts) -> tuple[PageRow, ...]:
    gallery, queries = _Images.of(index, hosts), _Images.of(asked, hosts)
    rows = np.unique(np.linspace(0, asked.rows - 1, min(SHOWN_QUERIES, asked.rows)).astype(int))
    engine = plugins.load("engines", "faiss-flat").build(
        gallery.codes, ids=np.arange(index.rows), bits=index.bits
    )
    hits = engine.search(queries.codes[rows], SHOWN_NEIGHBOURS + leave_out)
    found = []
    for number, row in enumerate(rows):
        distances, positions = hits.row(number)
        others = (positions != row) if leave_out else np.ones(len(positions), bool)
        pairs = zip(distances[others].tolist(), positions[others].tolist(), strict=True)
        found.append(_evaluated_row(gallery, queries, int(row), list(pairs)[:SHOWN_NEIGHBOURS]))
    return tuple(found)


def _evaluated_row(
    gallery: _Images, queries: _Images, row: int, nearest: Sequence[tuple[int, int]]
) -> PageRow:
    own, wanted = queries.bits(row), queries.label_names(row)
    path = queries.path(row)
    tiles = [_tile(path, ", ".join(sorted(wanted)), None, own, own, "query", hosts=queries.hosts)]
    for distance, position in nearest:
        labels = gallery.label_names(position)
        good = bool(labels & wanted)
        tiles.append(
            _tile(
                gallery.path(position),
                ", ".join(sorted(labels)),
                int(distance),
                gallery.bits(int(position)),
                own,
                "relevant" if good else "other",
                good=good,
                hosts=gallery.hosts,
            )
        )
    return PageRow(path, tuple(tiles))


def _tile(
    path: str,
    caption: str,
    distance: int | None,
    bits: Bool[np.ndarray, "bits"],
    first: Bool[np.ndarray, "bits"],
    role: str,
    *,
    good: bool | None = None,
    hosts: Hosts,
) -> Tile:
    try:
        picture, small = thumbnail(path, hosts)
    except ImageError:
        picture, small = None, False
    return Tile(
        thumbnail=picture,
        pixelated=small,
        name=path,
        caption=caption,
        distance=distance,
        code=_text(bits),
        difference=_text(bits ^ first),
        role=role,
        good=good,
    )


def _bits(packed: bytes, bits: int) -> Bool[np.ndarray, "bits"]:
    present: UInt8[np.ndarray, "bytes"] = np.frombuffer(packed, np.uint8)
    return code.unpack(present, bits)


def _text(bits: Bool[np.ndarray, "bits"]) -> str:
    return "".join("01"[int(bit)] for bit in bits)


def _left_out(rows: Sequence[Sequence[object]]) -> tuple[str, ...]:
    notes = []
    if len(rows) > MOST_ROWS:
        notes.append(f"{len(rows) - MOST_ROWS:,} further rows are not shown")
    cut = sum(max(0, len(row) - MOST_TILES) for row in rows[:MOST_ROWS])
    if cut:
        notes.append(f"{cut:,} further images of the rows above are not shown")
    return tuple(notes)


def _page(
    title: str,
    about: str,
    facts: tuple[tuple[str, str], ...],
    rows: tuple[PageRow, ...],
    notes: tuple[str, ...],
) -> ResultPage:
    return ResultPage(title, about, facts, rows, notes, __version__)
