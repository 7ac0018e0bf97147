"""`nachash index remove`: images that no search shall find any more."""

from typing import Annotated

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal
from nachash.settings import SetBy


def command(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Images or folders, as the index names them.")
    ] = None,
    missing: Annotated[
        bool,
        typer.Option("--missing", help="All images whose files are no longer there."),
        SetBy.OWNER,
    ] = False,
    index: options.Index = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Take images out of an index; no file of yours is touched, and ids are never used again.

    The rows still take room until `nachash index compact`.
    """
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.remove import RemoveSettings, remove

    settings = RemoveSettings(paths=tuple(paths or ()), missing=missing, index=index)
    result = remove(settings, choice=terminal.note)
    typer.echo(to_json(result) if json else index_table.removal(result))
