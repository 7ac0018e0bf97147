"""`nachash index compact`: give back the room of removed rows."""

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal


def command(
    path: options.IndexArgument = None,
    index: options.Index = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Rewrite an index without its removed rows; ids stay as they are."""
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.compact import CompactSettings, compact

    result = compact(CompactSettings(index=path or index), choice=terminal.note)
    typer.echo(to_json(result) if json else index_table.rewriting(result))
