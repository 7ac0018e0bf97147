"""`nachash index relocate`: the images lie elsewhere now."""

from typing import Annotated

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal
from nachash.settings import SetBy


def command(
    old: Annotated[
        str, typer.Argument(help="Where the images were, or a folder above."), SetBy.OWNER
    ],
    new: Annotated[str, typer.Argument(help="The same folder, where it is now."), SetBy.OWNER],
    index: options.Index = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Tell an index that its images have moved, as with a drive; nothing is encoded again."""
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.relocate import RelocateSettings, relocate

    settings = RelocateSettings(old=old, new=new, index=index)
    result = relocate(settings, choice=terminal.note)
    typer.echo(to_json(result) if json else index_table.relocation(result))
