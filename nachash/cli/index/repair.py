"""`nachash index repair`: make an index sound again."""

import typer

from nachash import options
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.tasks.index.options import RepairSettings


@declared(RepairSettings)
def command(settings: RepairSettings, *, json: options.Json = False, debug: Debug = False) -> None:
    """Finish what a killed process left, and save every sound row of a damaged index.

    The damaged file is kept as INDEX.damaged.
    """
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.repair import repair

    with terminal.progress() as progress:
        result = repair(settings, progress=progress)
    typer.echo(to_json(result) if json else index_table.repair(result))
    if result.lost:
        terminal.note(f"{result.lost:,} rows were lost: `nachash index add` encodes them again")
