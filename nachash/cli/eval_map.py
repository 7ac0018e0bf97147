"""`nachash eval-map`: how well the codes retrieve images of the same label."""

from pathlib import Path
from typing import Annotated

import typer

from nachash import options
from nachash.cli import _pages as pages
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.images.sources.hosts import Hosts
from nachash.options import OWNER, Flag
from nachash.tasks.evaluate.options import EvaluateSettings


@declared(EvaluateSettings)
def command(
    settings: EvaluateSettings,
    *,
    plot: Annotated[
        Path | None, Flag("Write the precision-recall curve to this picture.", OWNER)
    ] = None,
    html: options.Html = None,
    allow_host: options.AllowHost = None,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    debug: Debug = False,
) -> None:
    """Measure retrieval: mean average precision, exact over ties, and precision.

    Works on one labelled index (each image against all others), on two (--queries, --index)
    or on a data set by name (--dataset, --model) under its published protocol.
    """
    from nachash.records import to_json
    from nachash.report import plot as plots
    from nachash.report import table
    from nachash.tasks.evaluate.evaluate import evaluate

    if plot:
        plots.check_writable(plot, overwrite=overwrite)
    if html:
        pages.check(html, overwrite=overwrite)
        pages.require_index(settings.dataset)
    with terminal.progress() as progress:
        scores = evaluate(settings, progress=progress)
    if plot:
        plots.precision_recall(scores, plot)
        terminal.note(f"wrote {plot}")
    if html:
        pages.write_evaluation(html, scores, settings.queries, Hosts.of(allow_host or ()))
    typer.echo(to_json(scores) if json else table.scores(scores))
