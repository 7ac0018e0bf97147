"""`nachash dedup`: groups of images that show the same, and which one of each to keep."""

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from nachash import options
from nachash.cli import _pages as pages
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.errors import NothingFoundError, StorageError, UsageError
from nachash.images.sources.hosts import Hosts
from nachash.options import OWNER, Flag
from nachash.tasks.dedup.options import DedupSettings

if TYPE_CHECKING:
    from nachash.results.dedup import Duplicates
    from nachash.tasks.dedup.dedup import Searched

_UNDO: Final = "nachash dedup --undo surplus/nachash-moved.csv"
_MOVE: Final = "nachash dedup out.h5 --move-to surplus --apply"


@declared(DedupSettings)
def command(
    settings: DedupSettings,
    *,
    move_to: Annotated[
        Path | None,
        Flag("Folder to move surplus images to; only shows what would be moved.", OWNER),
    ] = None,
    apply: Annotated[bool, Flag("Do what --move-to shows.", OWNER)] = False,
    undo: Annotated[
        Path | None,
        Flag(
            "Move all back that an earlier --apply has moved, and do no more.", OWNER, metavar="LOG"
        ),
    ] = None,
    csv: Annotated[Path | None, Flag("Write the groups to this table as well.", OWNER)] = None,
    html: options.Html = None,
    allow_host: options.AllowHost = None,
    json: options.Json = False,
    print0: options.Print0 = False,
    overwrite: options.Overwrite = False,
    no_exit_code: options.NoExitCode = False,
    debug: Debug = False,
) -> None:
    """Find groups of near-duplicates: pairs within a Hamming distance whose pictures agree.

    Prints groups on a terminal, and into a pipe the plain paths of all images but the kept ones.
    Nothing is ever deleted: --move-to shows what it would move, and moves it with --apply. Exit
    code 5 when there is no duplicate.
    """
    from nachash.report import duplicates as report
    from nachash.report import output
    from nachash.tasks.dedup.dedup import searched

    if undo:
        _undo(undo, settings.source, move_to)
        return
    hosts = Hosts.of(allow_host or ())
    settings = replace(settings, moving=move_to is not None, hosts=hosts)
    _check_target(move_to, settings.reference, apply)
    _check_output(filter(None, (csv, html)), overwrite=overwrite, forms=(json, print0))
    with terminal.progress() as progress:
        result = searched(settings, progress=progress)
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
