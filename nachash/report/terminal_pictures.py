"""A page of pictures on a terminal: rich-pixels draws two pixels in each character."""

import base64
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from nachash.report.visible import visible
from nachash.results.page import PageRow, ResultPage, Tile

if TYPE_CHECKING:
    from PIL import Image
    from rich.console import Console, RenderableType

SIDE: Final = 24  # characters wide, and pixels wide and high
_GAP: Final = 2


def possible() -> bool:
    """Whether stdout is a terminal that has colours."""
    from rich.console import Console

    console = Console()
    return console.is_terminal and console.color_system is not None and not console.no_color


def rows(page: ResultPage) -> Iterator[str]:
    """Each query and its hits, in as many columns as the terminal has room for."""
    from rich.console import Console

    console = Console(highlight=False)
    for row in page.rows:
        with console.capture() as drawn:
            console.print(_grid(row, console))
        yield drawn.get().rstrip("\n")
    yield from (f"{note}." for note in page.notes)


def _grid(row: PageRow, console: "Console") -> "RenderableType":
    from rich.table import Table

    columns = max(1, (console.width + _GAP) // (SIDE + _GAP))
    table = Table.grid(padding=(0, _GAP, 0, 0))
    for _ in range(columns):
        table.add_column(width=SIDE, vertical="bottom", no_wrap=True)
    cells = [_cell(tile, rank) for rank, tile in enumerate(row.tiles)]
    for start in range(0, len(cells), columns):
        table.add_row(*cells[start : start + columns])
    return table


def _cell(tile: Tile, rank: int) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    unit = "bit" if tile.distance == 1 else "bits"
    facts = tile.role if tile.distance is None else f"{rank}  {tile.distance} {unit}"
    heading = Text(facts, style="bold", no_wrap=True, overflow="ellipsis")
    if tile.caption:
        heading.append(f"  {visible(tile.caption)}", style="not bold")
    name = Text(_end_of(visible(tile.name)), style="dim", no_wrap=True)
    return Group(_picture(tile), heading, name, Text())


def _picture(tile: Tile) -> "RenderableType":
    from PIL import Image
    from rich.text import Text
    from rich_pixels import Pixels

    if tile.thumbnail is None:
        return Text("cannot be opened", style="italic")
    data = base64.b64decode(tile.thumbnail.partition(",")[2])
    with Image.open(io.BytesIO(data)) as image:
        return Pixels.from_image(_fitted(image, small=tile.pixelated))


def _fitted(image: "Image.Image", *, small: bool) -> "Image.Image":
    """The image with its longer side SIDE pixels; both are even, as half characters come in twos.

    A small image keeps its hard pixels.
    """
    from PIL import Image

    scale = SIDE / max(image.size)
    width, height = (max(2, round(length * scale / 2) * 2) for length in image.size)
    resampling = Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS
    return image.convert("RGB").resize((width, height), resampling)


def _end_of(path: str) -> str:
    """As much of the end of a path as fits below a picture."""
    return path if len(path) <= SIDE else f"…{path[-SIDE + 1 :]}"
