"""`nachash index export`: the codes for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal
from nachash.settings import SetBy


def command(
    out: Annotated[Path, typer.Argument(help="File to write: .npy, .faiss, .csv or .parquet.")],
    form: Annotated[
        str | None,
        typer.Option("--format", help="npy, faiss, csv or parquet; default: what the suffix says."),
        SetBy.ANYBODY,
    ] = None,
    index: options.Index = None,
    no_check: options.NoCheck = False,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    debug: options.Debug = False,
) -> None:
    """Write the codes of an index for NumPy, FAISS, a spreadsheet or a data frame."""
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.export import ExportSettings, export

    settings = ExportSettings(
        out=out, format=form, index=index, overwrite=overwrite, no_check=no_check
    )
    result = export(settings, choice=terminal.note)
    typer.echo(to_json(result) if json else index_table.export(result))
