"""`nachash index remove`: images that no search shall find any more."""

from dataclasses import replace

import typer

from nachash import options
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.images.sources.hosts import Hosts
from nachash.tasks.index.options import RemoveSettings


@declared(RemoveSettings)
def command(
    settings: RemoveSettings,
    *,
    allow_host: options.AllowHost = None,
    json: options.Json = False,
    debug: Debug = False,
) -> None:
    """Take images out of an index; no file of yours is touched, and ids are never used again.

    An image is missing when the folder that held it can be listed and does not have it. Where
    more than a quarter are missing, or a whole folder, you are asked, or say --yes. The rows still
    take room until `nachash index compact`; until then `nachash index restore` takes it back.
    """
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.remove import remove

    settings = replace(settings, hosts=Hosts.of(allow_host or ()))
    ask = terminal.confirmed if terminal.can_ask() else None
    result = remove(settings, ask=ask)
    terminal.show_unknown(result.unknown)
    typer.echo(to_json(result) if json else index_table.removal(result))
