"""`nachash index migrate`: bring an index to the newest format."""

import typer

from nachash.cli._declared import Debug, declared
from nachash.tasks.index.options import MigrateSettings


@declared(MigrateSettings)
def command(settings: MigrateSettings, *, debug: Debug = False) -> None:
    """Bring an index of an older format to the newest one, as any change does, too."""
    from nachash.tasks.index.migrate import migrate

    typer.echo(migrate(settings))
