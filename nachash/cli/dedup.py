"""`nachash dedup`: groups of images that show the same, and which one of each to keep."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from nachash.cli import _options as options
from nachash.cli import _pages as pages
from nachash.cli import _terminal as terminal
from nachash.errors import NothingFoundError
from nachash.results.dedup import Duplicates
from nachash.settings import SetBy


def command(
    source: Annotated[
        Path | None,
        typer.Argument(help="Index, or a folder of images; default: the index as in search."),
    ] = None,
    max_distance: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Bits in which two images of a group may differ; default: what `calibrate` "
            "measured, else one bit in 20.",
        ),
        SetBy.OWNER,
    ] = None,
    group: Annotated[
        Literal["components", "stars"],
        typer.Option(help="components: linked by a chain; stars: each near the kept one itself."),
        SetBy.OWNER,
    ] = "components",
    reference: Annotated[
        list[Path] | None,
        typer.Option(help="Folder whose images are kept and never touched; several are possible."),
        SetBy.OWNER,
    ] = None,
    move_to: Annotated[
        Path | None,
        typer.Option(help="Folder to move surplus images to; only shows what would be moved."),
        SetBy.OWNER,
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do what --move-to shows."), SetBy.OWNER
    ] = False,
    csv: Annotated[
        Path | None, typer.Option(help="Write the groups to this table as well."), SetBy.OWNER
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page to look at: pictures, distances, bits."),
        SetBy.OWNER,
    ] = None,
    model: options.Model = None,
    device: options.Device = "auto",
    workers: options.Workers = None,
    no_check: options.NoCheck = False,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    no_exit_code: Annotated[
        bool, typer.Option("--no-exit-code", help="Exit with 0 when nothing is found."), SetBy.OWNER
    ] = False,
    debug: options.Debug = False,
) -> None:
    """Find groups of near-duplicates: exact, all pairs within a Hamming distance.

    Prints groups on a terminal, and into a pipe the plain paths of all images but the kept ones.
    Nothing is ever deleted: --move-to shows what it would move, and moves it with --apply. Exit
    code 5 when there is no duplicate.
    """
    from nachash.report import duplicates as report
    from nachash.report import output
    from nachash.tasks.dedup.dedup import DedupSettings, dedup

    settings = DedupSettings(
        source=source,
        max_distance=max_distance,
        grouping=group,
        reference=tuple(reference or ()),
        model=model,
        device=device,
        workers=workers,
        no_check=no_check,
    )
    for path in filter(None, (csv, html)):
        output.check_writable(path, overwrite=overwrite)
    with terminal.progress() as progress:
        found = dedup(settings, choice=terminal.note, progress=progress)
    terminal.show_skipped(found.skipped)
    if csv:
        csv.write_text(report.csv_text(found), encoding="utf-8", errors="surrogateescape")
        terminal.note(f"wrote {csv}")
    if html:
        pages.write_dedup(html, found)
    for line in report.lines(found, json=json, terminal=sys.stdout.isatty()):
        typer.echo(line)
    if move_to:
        _move(found, move_to, settings.reference, apply)
    if not found.groups and not no_exit_code:
        raise NothingFoundError(
            f"no duplicates within distance {found.max_distance} in {found.source}"
        )


def _move(found: Duplicates, target: Path, references: tuple[Path, ...], apply: bool) -> None:
    """Show what moves where, and move it when that is wanted."""
    from nachash.report import duplicates as report
    from nachash.tasks.dedup import move

    planned = move.plan(found, target, references)
    if apply:
        move.move(planned, target)
    for line in report.moves(planned, done=apply):
        terminal.note(line)
