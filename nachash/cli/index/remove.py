"""`nachash index remove`: images that no search shall find any more."""

from typing import Annotated

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal
from nachash.images.sources.hosts import Hosts
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
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask, however many are missing."), SetBy.OWNER
    ] = False,
    index: options.Index = None,
    dry_run: options.DryRun = False,
    allow_host: options.AllowHost = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Take images out of an index; no file of yours is touched, and ids are never used again.

    An image is missing when the folder that held it can be listed and does not have it. Where
    more than a quarter are missing, or a whole folder, you are asked, or say --yes. The rows still
    take room until `nachash index compact`; until then `nachash index restore` takes it back.
    """
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.remove import RemoveSettings, remove

    settings = RemoveSettings(
        paths=tuple(paths or ()),
        missing=missing,
        index=index,
        dry_run=dry_run,
        yes=yes,
        hosts=Hosts.of(allow_host or ()),
    )
    ask = terminal.confirmed if terminal.can_ask() else None
    result = remove(settings, choice=terminal.note, ask=ask)
    terminal.show_unknown(result.unknown)
    typer.echo(to_json(result) if json else index_table.removal(result))
