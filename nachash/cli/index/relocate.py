"""`nachash index relocate`: the images lie elsewhere now."""

import typer

from nachash import options
from nachash.cli._declared import Debug, declared
from nachash.tasks.index.options import RelocateSettings


@declared(RelocateSettings)
def command(
    settings: RelocateSettings, *, json: options.Json = False, debug: Debug = False
) -> None:
    """Tell an index that its images have moved, as with a drive; nothing is encoded again."""
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.relocate import relocate

    result = relocate(settings)
    typer.echo(to_json(result) if json else index_table.relocation(result))
