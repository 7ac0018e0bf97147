"""`nachash index info`: what is in an index."""

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal


def command(
    path: options.IndexArgument = None,
    index: options.Index = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show what is in an index: images, codes, encoder, labels, and who writes it now."""
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.info import InfoSettings, info

    facts = info(InfoSettings(index=path or index), choice=terminal.note)
    typer.echo(to_json(facts) if json else index_table.facts(facts))
