"""`nachash search`: the indexed images that look most like a picture."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from nachash.cli import _options as options
from nachash.cli import _pages as pages
from nachash.cli import _terminal as terminal
from nachash.errors import NothingFoundError, UsageError
from nachash.images.sources.hosts import Hosts
from nachash.results.search import Answer
from nachash.settings import SetBy


def command(
    queries: Annotated[
        list[str] | None,
        typer.Argument(help="Images; '-' reads one image, or paths line by line, from stdin."),
    ] = None,
    identifiers: Annotated[
        list[int] | None, typer.Option("--id", help="An indexed image by its id."), SetBy.OWNER
    ] = None,
    paths: Annotated[
        list[str] | None, typer.Option("--path", help="An indexed image by its path."), SetBy.OWNER
    ] = None,
    index: options.Index = None,
    k: Annotated[
        int | None,
        typer.Option("-k", min=1, help="Neighbours per query.  [default: 10]"),
        SetBy.ANYBODY,
    ] = None,
    max_distance: Annotated[
        int | None,
        typer.Option(min=0, help="Only images within this Hamming distance, inclusive."),
        SetBy.ANYBODY,
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="Only images that fulfil a condition: label=cat, label!=cat, path=2019/*, "
            "size>100000, time<2020-01-01, width>=1000, taken>=2023-05-01; several hold at once."
        ),
        SetBy.ANYBODY,
    ] = None,
    under: Annotated[
        list[str] | None,
        typer.Option(help="Only images below this folder (or one of several)."),
        SetBy.ANYBODY,
    ] = None,
    similar: Annotated[
        bool,
        typer.Option("--similar", help="All similar images, as far as `calibrate` measured."),
        SetBy.ANYBODY,
    ] = False,
    rerank: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Order so many nearest by how sure the query is of the bits that differ, "
            "and show the best of them.",
        ),
        SetBy.ANYBODY,
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Draw the pictures in the terminal."), SetBy.OWNER
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page to look at: pictures, distances, bits."),
        SetBy.OWNER,
    ] = None,
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
    """Find the images of an index that are nearest to a picture by Hamming distance.

    Prints a table on a terminal and plain paths into a pipe (with -0, for names of any kind).
    With --max-distance and without -k, all images within that distance; exit code 5 when there
    is none.
    """
    from nachash.tasks.search.search import SearchSettings, search

    settings = SearchSettings(
        queries=tuple(queries or ()),
        ids=tuple(identifiers or ()),
        paths=tuple(paths or ()),
        index=index,
        k=k,
        max_distance=max_distance,
        where=tuple(where or ()),
        under=tuple(under or ()),
        similar=similar,
        rerank=rerank,
        no_check=no_check,
    )
    if html:
        pages.check(html, overwrite=overwrite)
    if show + json + print0 > 1:
        raise UsageError("--show, --json and --print0 exclude one another", "use one of them")
    result = search(settings, choice=terminal.note)
    terminal.show_skipped(result.skipped)
    for sentence in result.notes:
        terminal.note(sentence)
    hosts = Hosts.of(allow_host or (), (*settings.queries, *settings.paths))
    for text in _printed(result, hosts, json=json, show=show, print0=print0):
        typer.echo(text, nl=False)
    if html:
        pages.write_search(html, result, hosts)
    if not any(result.hits) and not no_exit_code:
        where_to = "that is similar" if similar else f"within distance {max_distance}"
        reach = f" {where_to}" if similar or max_distance is not None else ""
        filtered = " that the filter leaves" if where or under else ""
        raise NothingFoundError(f"no image{filtered}{reach} in {result.index}")


def _printed(
    answer: Answer, hosts: Hosts, *, json: bool, show: bool, print0: bool
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
