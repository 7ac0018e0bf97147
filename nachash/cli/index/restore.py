"""`nachash index restore`: take `index remove` back."""

import typer

from nachash import options
from nachash.cli._declared import Debug, declared
from nachash.tasks.index.options import RestoreSettings


@declared(RestoreSettings)
def command(settings: RestoreSettings, *, json: options.Json = False, debug: Debug = False) -> None:
    """Put removed images back into an index, as long as `nachash index compact` has not run.

    They have their ids, codes and labels again. An image that was added anew meanwhile stays as
    it is.
    """
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.restore import restore

    result = restore(settings)
    typer.echo(to_json(result) if json else index_table.restoration(result))
