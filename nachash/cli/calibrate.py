"""`nachash calibrate`: which Hamming radius means the same photo, and which similar ones."""

from pathlib import Path
from typing import Annotated

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal
from nachash.images.sources.hosts import Hosts
from nachash.settings import SetBy


def command(
    index: Annotated[
        Path | None, typer.Argument(help="Index; default: the index as in search.")
    ] = None,
    images: Annotated[
        int, typer.Option(min=1, help="Indexed images to make copies of."), SetBy.ANYBODY
    ] = 300,
    allow_host: options.AllowHost = None,
    seed: options.Seed = 0,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Measure which radius finds copies and how many strangers it lets in; stored in the index.

    Copies of indexed images are resized, recompressed, cut, mirrored and recoloured, and their
    distances compared with those of random pairs. `search --similar` and `dedup` use the radii.
    """
    from nachash.report import calibration as report
    from nachash.tasks.dedup.calibrate import CalibrateSettings, calibrate

    settings = CalibrateSettings(
        index=index, images=images, seed=seed, hosts=Hosts.of(allow_host or ())
    )
    with terminal.progress() as progress:
        measured = calibrate(settings, choice=terminal.note, progress=progress)
    for line in [report.json(measured)] if json else report.text(measured):
        typer.echo(line)
