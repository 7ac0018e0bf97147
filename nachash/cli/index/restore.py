"""`nachash index restore`: take `index remove` back."""

from typing import Annotated

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal


def command(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Images or folders, as the index names them; default: all removed."),
    ] = None,
    index: options.Index = None,
    dry_run: options.DryRun = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Put removed images back into an index, as long as `nachash index compact` has not run.

    They have their ids, codes and labels again. An image that was added anew meanwhile stays as
    it is.
    """
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.restore import RestoreSettings, restore

    settings = RestoreSettings(paths=tuple(paths or ()), index=index, dry_run=dry_run)
    result = restore(settings, choice=terminal.note)
    typer.echo(to_json(result) if json else index_table.restoration(result))
