"""`nachash index add`: encode what is new or has changed."""

from typing import Annotated

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal
from nachash.settings import SetBy


def command(
    images: Annotated[
        str, typer.Argument(help="The folder of the index, or a folder, image or list below it.")
    ],
    index: options.Index = None,
    labels: Annotated[
        str,
        typer.Option(help="auto (as the index has them), folder, none or FILE.csv."),
        SetBy.OWNER,
    ] = "auto",
    content: options.Hash = False,
    metadata: options.Metadata = False,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Images encoded at once."), SetBy.ANYBODY
    ] = 256,
    workers: options.Workers = None,
    json: options.Json = False,
    strict: options.Strict = False,
    debug: options.Debug = False,
) -> None:
    """Encode new and changed images of a folder into an index, with the encoder inside it.

    An image counts as unchanged when its path, size and time of change are those in the index.
    Files that are no longer there stay in the index: see `nachash index remove --missing`.
    """
    from nachash.records import to_json
    from nachash.report import table
    from nachash.tasks.index.add import AddSettings, add

    settings = AddSettings(
        images=images,
        index=index,
        labels=labels,
        hash=content,
        metadata=metadata,
        batch_size=batch_size,
        workers=workers,
    )
    with terminal.progress() as progress:
        result = add(settings, choice=terminal.note, progress=progress)
    terminal.show_skipped(result.skipped)
    typer.echo(to_json(result) if json else table.encoding(result))
    if strict:
        terminal.require_nothing_skipped(result)
