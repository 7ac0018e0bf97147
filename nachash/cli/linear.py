"""`nachash linear`: how well a linear classifier tells classes apart by what a model says."""

from pathlib import Path
from typing import Annotated

import typer

from nachash import options
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.options import OWNER, Flag
from nachash.tasks.linear.options import LinearSettings


@declared(LinearSettings)
def command(
    settings: LinearSettings,
    *,
    plot: Annotated[
        Path | None, Flag("Write the confusion matrices to this picture.", OWNER)
    ] = None,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    debug: Debug = False,
) -> None:
    """Classify images by a linear classifier on frozen features, several models side by side.

    Labels of the training images fit the classifier and choose its penalty; those of the test
    images are compared with what it predicts.
    """
    from nachash.report import confusion
    from nachash.report import linear as report
    from nachash.report import plot as plots
    from nachash.tasks.linear.linear import linear

    if plot:
        plots.check_writable(plot, overwrite=overwrite)
    with terminal.progress() as progress:
        probe = linear(settings, progress=progress)
    terminal.show_skipped(probe.skipped)
    if plot:
        confusion.draw(probe, plot)
        terminal.note(f"wrote {plot}")
    for line in report.json(probe) if json else report.text(probe):
        typer.echo(line)
