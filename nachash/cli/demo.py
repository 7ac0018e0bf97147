"""`nachash demo`: the four commands on real handwritten digits, and a page to look at."""

from pathlib import Path
from typing import Annotated

import typer

from nachash import options
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.options import OWNER, Flag


@declared()
def command(
    out: Annotated[Path, Flag("Folder to write into.", OWNER)] = Path("demo"),
    epochs: Annotated[int | None, Flag("Passes over the images.", least=1)] = None,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    debug: Debug = False,
) -> None:
    """Train, encode, search and measure on 1,797 real digits; ends with one HTML page.

    Each command is printed before it runs, so that it can be typed again.
    """
    from nachash.report import html, table
    from nachash.tasks.demo import DemoSettings, demo

    settings = DemoSettings(out=out, epochs=epochs, seed=seed, overwrite=overwrite)
    with terminal.progress() as progress:
        shown = demo(
            settings,
            before=lambda command: typer.echo(f"$ {command}"),
            after=lambda record: typer.echo(f"{table.any_of(record)}\n"),
            progress=progress,
        )
    page = out / "report.html"
    page.write_text(html.demo(shown), encoding="utf-8")
    typer.echo(f"open {page}")
