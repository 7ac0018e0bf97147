"""`nachash index add`: encode what is new or has changed."""

import typer

from nachash import options
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.tasks.index.options import AddSettings


@declared(AddSettings)
def command(
    settings: AddSettings,
    *,
    json: options.Json = False,
    strict: options.Strict = False,
    debug: Debug = False,
) -> None:
    """Encode new and changed images of a folder into an index, with the encoder inside it.

    An image counts as unchanged when its path, size and time of change are those in the index.
    Files that are no longer there stay in the index: see `nachash index remove --missing`.
    """
    from nachash.records import to_json
    from nachash.report import table
    from nachash.tasks.index.add import add

    with terminal.progress() as progress:
        result = add(settings, progress=progress)
    terminal.show_skipped(result.skipped)
    typer.echo(to_json(result) if json else table.encoding(result))
    if strict:
        terminal.require_nothing_skipped(result)
