"""How objects show themselves in a notebook: a small table and a few thumbnails, bounded in size.

A program's object draws itself where it stands, so this is no report on a finished task and lies
beside the classes that it draws.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image

from nachash.errors import ImageError
from nachash.images.sources.originals import opened_at
from nachash.images.thumbnail import drawn, uri
from nachash.report import plot
from nachash.report.visible import visible
from nachash.results.dedup import Duplicates
from nachash.results.evaluate import Scores
from nachash.results.search import Hit

if TYPE_CHECKING:
    from rich.table import Table

MOST_ROWS: Final = 8
MOST_PICTURES: Final = 8  # of a row
SIDE: Final = 96  # pixels
_TRIED: Final = 2 * MOST_PICTURES  # images, so that a folder that is gone costs nothing

Facts = Sequence[tuple[str, str]]
Picture = tuple[str, str]  # path and caption


def table(facts: Facts) -> "Table":
    """Facts by name, for a console of rich."""
    from rich.table import Table
    from rich.text import Text

    found = Table.grid(padding=(0, 2))
    for name, value in facts:
        found.add_row(Text(name, style="dim"), Text(visible(value)))
    return found


def index(facts: Facts, paths: Sequence[str], opened: Callable[[str], Image.Image]) -> str:
    """Facts by name, and a few of the images, evenly spread; those that are gone are left out."""
    step = max(1, len(paths) // _TRIED)
    shown = [(path, "") for path in paths[::step][:_TRIED]]
    return f"{_table(facts)}<div>{_row(shown, opened)}</div>"


def hits(queries: Sequence[str], rows: Iterable[Sequence[Hit]], count: int) -> str:
    """The first pictures of each of the first queries, `count` in all, with their distances."""
    shown = [
        (name or "a picture", [(each.path, _caption(each)) for each in row[:MOST_PICTURES]])
        for name, row in zip(queries[:MOST_ROWS], rows, strict=False)
    ]
    return _rows(shown, count - len(shown))


def duplicates(found: Duplicates) -> str:
    """The first images of each of the first groups; what is kept stands first."""
    facts = [
        ("images", f"{found.images:,}"),
        ("groups", f"{len(found.groups):,}"),
        ("within", f"{found.max_distance} of {found.bits} bits, {found.grouping}"),
    ]
    shown = [
        (
            f"group {number}: {len(group):,} images",
            [(each.path, "keep" if each.keep else f"{each.distance} bits") for each in group],
        )
        for number, group in enumerate(found.groups[:MOST_ROWS], start=1)
    ]
    return _table(facts) + _rows(shown, len(found.groups) - len(shown))


def evaluation(scores: Scores) -> str:
    """The scores, and the curve of precision and recall where matplotlib is installed."""
    facts = [
        (f"mAP@{scores.at or 'all'}", f"{100 * scores.map:.2f} %"),
        ("precision, radius 2", f"{100 * scores.precision_radius2:.2f} %"),
        ("chance", f"{100 * scores.chance:.2f} %"),
        ("queries", f"{scores.queries:,}"),
        ("gallery", f"{scores.gallery:,} codes of {scores.bits} bits"),
        ("protocol", scores.protocol),
    ]
    return _table(facts) + _curve(scores)


def _caption(hit: Hit) -> str:
    return f"{hit.distance} bits" + (f", {hit.label}" if hit.label else "")


def _curve(scores: Scores) -> str:
    with tempfile.TemporaryDirectory(prefix="nachash-") as folder:
        path = Path(folder, "curve.svg")
        try:
            plot.precision_recall(scores, path)
        except ImportError:
            return ""
        _, start, rest = path.read_text(encoding="utf-8").partition("<svg")
        return f"<div>{start}{rest}</div>"


def _table(facts: Facts) -> str:
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{escape(_text(value))}</td></tr>"
        for name, value in facts
    )
    return f"<table>{rows}</table>"


def _rows(shown: Sequence[tuple[str, Sequence[Picture]]], further: int) -> str:
    rows = "".join(
        f"<div>{escape(_text(title))}</div><div>{_row(pictures, opened_at)}</div>"
        for title, pictures in shown
    )
    return rows + (f"<div>{further:,} more are not shown</div>" if further > 0 else "")


def _row(pictures: Sequence[Picture], opened: Callable[[str], Image.Image]) -> str:
    return "".join(_pictures(pictures, opened))


def _pictures(pictures: Sequence[Picture], opened: Callable[[str], Image.Image]) -> Iterator[str]:
    """At most MOST_PICTURES of those that can be opened."""
    shown = 0
    for path, caption in pictures[:_TRIED]:
        try:
            address, small = uri(drawn(opened(path), SIDE))
        except ImageError:
            continue
        name = escape(_text(path), quote=True)
        sharp = "image-rendering:pixelated;" if small else ""
        below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
        yield (
            "<figure style='display:inline-block;margin:2px'>"
            f"<img src='{address}' alt='{name}' title='{name}' style='height:{SIDE}px;{sharp}'>"
            f"{below}</figure>"
        )
        shown += 1
        if shown == MOST_PICTURES:
            return


def _text(path: str) -> str:
    """A path as text; bytes that are none are replaced."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
