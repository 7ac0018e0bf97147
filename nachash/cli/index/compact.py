"""`nachash index compact`: give back the room of removed rows."""

import typer

from nachash import options
from nachash.cli._declared import Debug, declared
from nachash.tasks.index.options import CompactSettings


@declared(CompactSettings)
def command(settings: CompactSettings, *, json: options.Json = False, debug: Debug = False) -> None:
    """Rewrite an index without its removed rows; ids stay as they are."""
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.compact import compact

    result = compact(settings)
    typer.echo(to_json(result) if json else index_table.rewriting(result))
