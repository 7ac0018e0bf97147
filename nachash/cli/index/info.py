"""`nachash index info`: what is in an index."""

import typer

from nachash import options
from nachash.cli._declared import Debug, declared
from nachash.tasks.index.options import InfoSettings


@declared(InfoSettings)
def command(settings: InfoSettings, *, json: options.Json = False, debug: Debug = False) -> None:
    """Show what is in an index: images, codes, encoder, labels, and who writes it now."""
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.info import info

    facts = info(settings)
    typer.echo(to_json(facts) if json else index_table.facts(facts))
