"""`nachash index merge`: several indexes of one encoder as one."""

from pathlib import Path
from typing import Annotated

import typer

from nachash import options
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.options import Argument
from nachash.tasks.index.options import MergeSettings


@declared()
def command(
    indexes: Annotated[list[Path], Argument("Indexes to merge, then the index to write.")],
    *,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    debug: Debug = False,
) -> None:
    """Write one index with the images of several; where two have an image, the last one counts."""
    from nachash.records import to_json
    from nachash.report import index_table
    from nachash.tasks.index.merge import merge

    settings = MergeSettings(indexes=tuple(indexes[:-1]), out=indexes[-1], overwrite=overwrite)
    result = merge(settings)
    for sentence in result.notes:
        terminal.note(sentence)
    typer.echo(to_json(result) if json else index_table.rewriting(result))
