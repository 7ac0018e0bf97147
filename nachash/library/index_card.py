"""How an index shows itself: a small table and a few thumbnails, bounded in size.

A program's object draws itself where it stands, in a notebook or a console, so this is no report
on a finished task and lies beside the class that it draws.
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from nachash.errors import ImageError
from nachash.images.sources.originals import Originals
from nachash.images.thumbnail import drawn, uri
from nachash.report.visible import visible

if TYPE_CHECKING:
    from rich.table import Table

THUMBNAILS: Final = 8
SIDE: Final = 96  # pixels
_TRIED: Final = 2 * THUMBNAILS  # images, so that a folder that is gone costs nothing


def table(facts: Sequence[tuple[str, str]]) -> "Table":
    """Facts by name, for a console of rich."""
    from rich.table import Table
    from rich.text import Text

    found = Table.grid(padding=(0, 2))
    for name, value in facts:
        found.add_row(Text(name, style="dim"), Text(visible(value)))
    return found


def html(facts: Sequence[tuple[str, str]], root: str, paths: Sequence[str]) -> str:
    """Facts by name, and a few of the images, evenly spread; those that are gone are left out."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{escape(_text(value))}</td></tr>"
        for name, value in facts
    )
    return f"<table>{rows}</table><div>{''.join(_pictures(root, paths))}</div>"


def _pictures(root: str, paths: Sequence[str]) -> Iterator[str]:
    originals, shown = Originals(root), 0
    step = max(1, len(paths) // _TRIED)
    for path in paths[::step][:_TRIED]:
        try:
            address, small = uri(drawn(originals.open(path), SIDE))
        except ImageError:
            continue
        name = escape(_text(path), quote=True)
        sharp = "image-rendering:pixelated;" if small else ""
        yield (
            f"<img src='{address}' alt='{name}' title='{name}' "
            f"style='height:{SIDE}px;margin:2px;display:inline-block;{sharp}'>"
        )
        shown += 1
        if shown == THUMBNAILS:
            return


def _text(path: str) -> str:
    """A path as text; bytes that are none are replaced."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
