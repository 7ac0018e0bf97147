"""`nachash index migrate`: bring an index to the newest format."""

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal


def command(
    path: options.IndexArgument = None,
    index: options.Index = None,
    debug: options.Debug = False,
) -> None:
    """Bring an index of an older format to the newest one, as any change does, too."""
    from nachash.tasks.index.migrate import MigrateSettings, migrate

    typer.echo(migrate(MigrateSettings(index=path or index), choice=terminal.note))
