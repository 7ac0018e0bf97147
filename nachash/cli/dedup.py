"""`nachash dedup`: groups of images that show the same, and which one of each to keep."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from nachash.cli import _options as options
from nachash.cli import _pages as pages
from nachash.cli import _terminal as terminal
from nachash.errors import NothingFoundError, StorageError, UsageError
from nachash.images.sources.hosts import Hosts
from nachash.settings import SetBy

if TYPE_CHECKING:
    from nachash.results.dedup import Duplicates
    from nachash.tasks.dedup.dedup import Searched

_UNDO: Final = "nachash dedup --undo surplus/nachash-moved.csv"
_MOVE: Final = "nachash dedup out.h5 --move-to surplus --apply"


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
        Literal["stars", "components"],
        typer.Option(help="stars: each near the kept one itself; components: linked by a chain."),
        SetBy.OWNER,
    ] = "stars",
    keep: Annotated[
        Literal["camera", "largest", "oldest", "newest", "shortest-path"],
        typer.Option(
            help="Which one to keep: camera prefers what has a camera's EXIF, then the most "
            "pixels, then the largest file; oldest and newest go by the time of the file."
        ),
        SetBy.OWNER,
    ] = "camera",
    codes_only: Annotated[
        bool,
        typer.Option(
            "--codes-only",
            help="Take near codes for copies; by default both pictures are compared as well.",
        ),
        SetBy.OWNER,
    ] = False,
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
    undo: Annotated[
        Path | None,
        typer.Option(
            metavar="LOG", help="Move all back that an earlier --apply has moved, and do no more."
        ),
        SetBy.OWNER,
    ] = None,
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
    allow_host: options.AllowHost = None,
    no_check: options.NoCheck = False,
    json: options.Json = False,
    print0: options.Print0 = False,
    overwrite: options.Overwrite = False,
    no_exit_code: Annotated[
        bool, typer.Option("--no-exit-code", help="Exit with 0 when nothing is found."), SetBy.OWNER
    ] = False,
    debug: options.Debug = False,
) -> None:
    """Find groups of near-duplicates: pairs within a Hamming distance whose pictures agree.

    Prints groups on a terminal, and into a pipe the plain paths of all images but the kept ones.
    Nothing is ever deleted: --move-to shows what it would move, and moves it with --apply. Exit
    code 5 when there is no duplicate.
    """
    from nachash.report import duplicates as report
    from nachash.report import output
    from nachash.tasks.dedup.dedup import DedupSettings, searched

    if undo:
        _undo(undo, source, move_to)
        return
    settings = DedupSettings(
        source=source,
        max_distance=max_distance,
        grouping=group,
        keep=keep,
        codes_only=codes_only,
        reference=tuple(reference or ()),
        model=model,
        device=device,
        workers=workers,
        no_check=no_check,
        moving=move_to is not None,
        hosts=Hosts.of(allow_host or ()),
    )
    _check_target(move_to, settings.reference, apply)
    _check_output(filter(None, (csv, html)), overwrite=overwrite, forms=(json, print0))
    with terminal.progress() as progress:
        result = searched(settings, choice=terminal.note, progress=progress)
    found = result.found
    terminal.show_skipped(found.skipped)
    terminal.notes(found.notes)
    if csv:
        output.write(csv, report.csv_text(found))
        terminal.note(f"wrote {csv}")
    if html:
        pages.write_dedup(html, found, settings.hosts)
    for text in _printed(found, json=json, print0=print0):
        typer.echo(text, nl=False)
    if move_to:
        _move(result, move_to, settings.reference, apply)
    if not found.groups and not no_exit_code:
        raise NothingFoundError(
            f"no duplicates within distance {found.max_distance} in {found.source}"
        )


def _printed(found: "Duplicates", *, json: bool, print0: bool) -> Iterable[str | bytes]:
    """The groups for machines, as text, or as plain paths; with its line ends."""
    from nachash.report import duplicates as report
    from nachash.report import plain_paths

    if json:
        return (f"{line}\n" for line in report.json_lines(found))
    if sys.stdout.isatty() and not print0:
        return (f"{line}\n" for line in report.text(found))
    return plain_paths.lines(report.surplus_paths(found), zeros=print0)


def _check_output(files: Iterable[Path], *, overwrite: bool, forms: tuple[bool, bool]) -> None:
    """Refuse what cannot be written, before any work."""
    from nachash.report import output

    if all(forms):
        raise UsageError("--json and --print0 exclude each other", "use one of them")
    for path in files:
        output.check_writable(path, overwrite=overwrite)


def _check_target(target: Path | None, references: tuple[Path, ...], apply: bool) -> None:
    """Refuse a folder to move to, or none, before any work."""
    from nachash.tasks.dedup import move

    if target:
        move.check(target, references)
    elif apply:
        raise UsageError("--apply without --move-to: there is no folder to move to", _MOVE)


def _move(result: "Searched", target: Path, references: tuple[Path, ...], apply: bool) -> None:
    """Show what moves where, and move it when that is wanted.

    Raises:
        StorageError: files could not be moved that should have been; the others have been.
    """
    from nachash.report import duplicates as report
    from nachash.tasks.dedup import move
    from nachash.tasks.dedup.encoded_file import Recognition

    found = result.found
    moves = move.plan(found, target, references)
    if apply:
        recognition = Recognition(move.roots(found, references), result.encoder)
        with terminal.progress() as progress:
            moves = move.move(found, moves, target, recognition.state_of, progress)
    for line in report.moves(moves, done=apply):
        terminal.note(line)
    if failed := sum(each.failed for each in moves):
        raise StorageError(f"{failed:,} files could not be moved to {target}, as said above")


def _undo(log: Path, source: Path | None, move_to: Path | None) -> None:
    """Move back what was moved.

    Raises:
        StorageError: some files could not be moved back; the others have been.
    """
    from nachash.report import duplicates as report
    from nachash.tasks.dedup.undo import undo

    if source or move_to:
        raise UsageError("--undo moves back what its table names, and takes nothing else", _UNDO)
    with terminal.progress() as progress:
        moves = undo(log, progress)
    terminal.notes([*report.moves(moves, done=True)])
    if failed := sum(each.failed for each in moves):
        raise StorageError(f"{failed:,} files could not be moved back, as said above")
