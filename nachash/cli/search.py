"""`nachash search`: the indexed images that look most like a picture."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from nachash import options
from nachash.cli import _pages as pages
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.errors import NothingFoundError, UsageError
from nachash.images.sources.hosts import Hosts
from nachash.options import OWNER, Flag
from nachash.tasks.search.options import SearchSettings

if TYPE_CHECKING:
    from nachash.results.search import Answer


@declared(SearchSettings)
def command(
    settings: SearchSettings,
    *,
    show: Annotated[bool, Flag("Draw the pictures in the terminal.", OWNER)] = False,
    html: options.Html = None,
    allow_host: options.AllowHost = None,
    json: options.Json = False,
    print0: options.Print0 = False,
    overwrite: options.Overwrite = False,
    no_exit_code: options.NoExitCode = False,
    debug: Debug = False,
) -> None:
    """Find the images of an index that are nearest to a picture by Hamming distance.

    Prints a table on a terminal and plain paths into a pipe (with -0, for names of any kind).
    With --max-distance and without -k, all images within that distance; exit code 5 when there
    is none.
    """
    from nachash.tasks.search.search import search

    if html:
        pages.check(html, overwrite=overwrite)
    if show + json + print0 > 1:
        raise UsageError("--show, --json and --print0 exclude one another", "use one of them")
    result = search(settings)
    terminal.show_skipped(result.skipped)
    for sentence in result.notes:
        terminal.note(sentence)
    hosts = Hosts.of(allow_host or (), (*settings.queries, *settings.paths))
    for text in _printed(result, hosts, json=json, show=show, print0=print0):
        typer.echo(text, nl=False)
    if html:
        pages.write_search(html, result, hosts)
    if not any(result.hits) and not no_exit_code:
        within = settings.max_distance
        where_to = "that is similar" if settings.similar else f"within distance {within}"
        reach = f" {where_to}" if settings.similar or within is not None else ""
        filtered = " that the filter leaves" if settings.where or settings.under else ""
        raise NothingFoundError(f"no image{filtered}{reach} in {result.index}")


def _printed(
    answer: "Answer", hosts: Hosts, *, json: bool, show: bool, print0: bool
) -> Iterable[str | bytes]:
    """The answer for machines, as pictures, as a table, or as plain paths; with its line ends."""
    from nachash.report import json_lines, plain_paths, table

    if json:
        return (f"{line}\n" for line in json_lines.hits(answer))
    if show and pages.pictures_can_be_shown():
        return (f"{line}\n" for line in pages.pictures(answer, hosts))
    if sys.stdout.isatty() and not print0:
        return (f"{line}\n" for line in table.hits(answer))
    return plain_paths.lines(table.hit_paths(answer), zeros=print0)
