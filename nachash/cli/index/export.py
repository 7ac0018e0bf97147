"""`nachash index export`: the codes for other programs."""

import typer

from nachash import options
from nachash.cli._declared import Debug, declared
from nachash.tasks.index.options import ExportSettings


@declared(ExportSettings)
def command(settings: ExportSettings, *, json: options.Json = False, debug: Debug = False) -> None:
    """Write the codes of an index for NumPy, FAISS, a spreadsheet or a data frame."""
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.export import export

    result = export(settings)
    typer.echo(to_json(result) if json else index_table.export(result))
