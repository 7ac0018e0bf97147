"""`nachash encode`: write the codes of all images of a folder into an index."""

from pathlib import Path
from typing import Annotated

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal
from nachash.settings import SetBy


def command(
    images: Annotated[
        str,
        typer.Argument(help="Folder (with its sub-folders), list of paths, '-', .tar, .zip, URL."),
    ],
    out: Annotated[Path, typer.Argument(help="Index to write, an HDF5 file.")] = Path("out.h5"),
    model: options.Model = None,
    labels: Annotated[
        str,
        typer.Option(
            help="auto, folder, none or FILE.csv; auto takes folder names when every image "
            "lies in a folder."
        ),
        SetBy.OWNER,
    ] = "auto",
    batch_size: Annotated[
        int, typer.Option(min=1, help="Images encoded at once."), SetBy.ANYBODY
    ] = 256,
    device: options.Device = "auto",
    workers: options.Workers = None,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Only go on with an index that is there."), SetBy.OWNER
    ] = False,
    content: options.Hash = False,
    metadata: options.Metadata = False,
    strict: options.Strict = False,
    debug: options.Debug = False,
) -> None:
    """Encode all images of a folder into one index file, with the encoder inside.

    Without a model of your own the one that comes with nachash, `builtin`, encodes.

    The index alone is enough to search. An image that cannot be read is skipped and listed
    in the index with its reason. An index that is there and was made of the same folder by the
    same encoder is continued: only new and changed images are encoded, also after an
    interruption.
    """
    from nachash.records import to_json
    from nachash.report import table
    from nachash.tasks.encode.encode import EncodeSettings, encode

    settings = EncodeSettings(
        images=images,
        out=out,
        model=model,
        labels=labels,
        batch_size=batch_size,
        device=device,
        workers=workers,
        overwrite=overwrite,
        resume=resume,
        hash=content,
        metadata=metadata,
    )
    with terminal.progress() as progress:
        result = encode(settings, progress=progress, choice=terminal.note)
    terminal.note(f"model: {result.model}")
    terminal.show_skipped(result.skipped)
    typer.echo(to_json(result) if json else table.encoding(result))
    if strict:
        terminal.require_nothing_skipped(result)
