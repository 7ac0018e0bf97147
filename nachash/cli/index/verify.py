"""`nachash index verify`: read everything and compare every digest."""

import typer

from nachash import options
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.errors import DamagedError
from nachash.tasks.index.options import VerifySettings


@declared(VerifySettings)
def command(settings: VerifySettings, *, json: options.Json = False, debug: Debug = False) -> None:
    """Read the whole index and say everything that is wrong; exit code 4 when something is."""
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.verify import verify

    with terminal.progress() as progress:
        result = verify(settings, progress=progress)
    typer.echo(to_json(result) if json else index_table.verification(result))
    if result.problems:
        raise DamagedError(
            f"{result.index} is damaged in {len(result.problems)} places",
            f"nachash index repair {result.index}",
        )
