"""`nachash eval-map`: how well the codes retrieve images of the same label."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from nachash.cli import _options as options
from nachash.cli import _pages as pages
from nachash.cli import _terminal as terminal
from nachash.images.sources.hosts import Hosts
from nachash.settings import SetBy


def command(
    index: options.Index = None,
    queries: Annotated[
        Path | None,
        typer.Option(help="Index of the queries; otherwise each image is a query for the others."),
        SetBy.OWNER,
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="A data set by name, under its published protocol."),
        SetBy.OWNER,
    ] = None,
    model: options.Model = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="Another protocol of the data set than the usual one."),
        SetBy.ANYBODY,
    ] = None,
    data_root: options.DataRoot = None,
    at: Annotated[
        int | None,
        typer.Option(min=1, help="Cut the ranking after so many; default: all."),
        SetBy.ANYBODY,
    ] = None,
    score: Annotated[
        Literal["hamming", "dot01", "asymmetric"],
        typer.Option(
            help="hamming; dot01: shared ones, as the reference implementation ranks; asymmetric: "
            "real-valued queries against bits, with --dataset."
        ),
        SetBy.ANYBODY,
    ] = "hamming",
    over: Annotated[
        Literal["found", "possible"],
        typer.Option(
            help="AP with --at K divides by the relevant images found, or by as many as possible: "
            "min(K, all)."
        ),
        SetBy.ANYBODY,
    ] = "found",
    empty_queries: Annotated[
        Literal["zero", "skip"],
        typer.Option(help="Queries without a relevant image count as zero or are left out."),
        SetBy.ANYBODY,
    ] = "zero",
    plot: Annotated[
        Path | None,
        typer.Option(help="Write the precision-recall curve to this picture."),
        SetBy.OWNER,
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page to look at: pictures, distances, bits."),
        SetBy.OWNER,
    ] = None,
    allow_host: options.AllowHost = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    workers: options.Workers = None,
    no_check: options.NoCheck = False,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    debug: options.Debug = False,
) -> None:
    """Measure retrieval: mean average precision, exact over ties, and precision.

    Works on one labelled index (each image against all others), on two (--queries, --index)
    or on a data set by name (--dataset, --model) under its published protocol.
    """
    from nachash.records import to_json
    from nachash.report import plot as plots
    from nachash.report import table
    from nachash.tasks.evaluate.evaluate import EvaluateSettings, evaluate

    settings = EvaluateSettings(
        index=index,
        queries=queries,
        dataset=dataset,
        model=model,
        protocol=protocol,
        data_root=data_root,
        at=at,
        score=score,
        over=over,
        empty_queries=empty_queries,
        seed=seed,
        device=device,
        workers=workers,
        no_check=no_check,
    )
    if plot:
        plots.check_writable(plot, overwrite=overwrite)
    if html:
        pages.check(html, overwrite=overwrite)
        pages.require_index(dataset)
    with terminal.progress() as progress:
        scores = evaluate(settings, choice=terminal.note, progress=progress)
    if plot:
        plots.precision_recall(scores, plot)
        terminal.note(f"wrote {plot}")
    if html:
        pages.write_evaluation(html, scores, queries, Hosts.of(allow_host or ()))
    typer.echo(to_json(scores) if json else table.scores(scores))
