"""`nachash index repair`: make an index sound again."""

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal


def command(
    path: options.IndexArgument = None,
    index: options.Index = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Finish what a killed process left, and save every sound row of a damaged index.

    The damaged file is kept as INDEX.damaged.
    """
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.repair import RepairSettings, repair

    with terminal.progress() as progress:
        result = repair(
            RepairSettings(index=path or index), choice=terminal.note, progress=progress
        )
    typer.echo(to_json(result) if json else index_table.repair(result))
    if result.lost:
        terminal.note(f"{result.lost:,} rows were lost: `nachash index add` encodes them again")
