"""`nachash calibrate`: which Hamming radius means the same photo, and which similar ones."""

from dataclasses import replace

import typer

from nachash import options
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.images.sources.hosts import Hosts
from nachash.tasks.dedup.options import CalibrateSettings


@declared(CalibrateSettings)
def command(
    settings: CalibrateSettings,
    *,
    allow_host: options.AllowHost = None,
    json: options.Json = False,
    debug: Debug = False,
) -> None:
    """Measure which radius finds copies and how many strangers it lets in; stored in the index.

    Copies of indexed images are resized, recompressed, cut, mirrored and recoloured, and their
    distances compared with those of random pairs. `search --similar` and `dedup` use the radii.
    """
    from nachash.report import calibration as report
    from nachash.tasks.dedup.calibrate import calibrate

    settings = replace(settings, hosts=Hosts.of(allow_host or ()))
    with terminal.progress() as progress:
        measured = calibrate(settings, progress=progress)
    for line in [report.json(measured)] if json else report.text(measured):
        typer.echo(line)
