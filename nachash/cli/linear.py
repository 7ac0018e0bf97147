"""`nachash linear`: how well a linear classifier tells classes apart by what a model says."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal
from nachash.settings import SetBy


def command(
    models: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[MODEL]...", help="Model directories; default runs/latest."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A data set by name, under its official split."), SetBy.OWNER
    ] = None,
    images: Annotated[
        str | None, typer.Option(help="Images in a folder per class instead."), SetBy.OWNER
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(help="Test images for --images; default: a fifth of each class is drawn."),
        SetBy.OWNER,
    ] = None,
    data_root: options.DataRoot = None,
    solver: Annotated[
        Literal["exact", "published", "knn"],
        typer.Option(
            help="exact: logistic regression on cached features; published: SGD on new crops and "
            "flips; knn: votes of the 200 nearest."
        ),
        SetBy.ANYBODY,
    ] = "exact",
    features: Annotated[
        str,
        typer.Option(help="features, tanh (of the activations) or code (-1 and 1); a,b for both."),
        SetBy.ANYBODY,
    ] = "features",
    fraction: Annotated[
        str,
        typer.Option(help="Share of the labels to learn from; several as 0.01,0.1,1."),
        SetBy.ANYBODY,
    ] = "1",
    seeds: Annotated[
        int,
        typer.Option(min=1, help="Subsets and initialisations: mean and spread over them."),
        SetBy.ANYBODY,
    ] = 1,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of the published solver; default 100."), SetBy.ANYBODY
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Write the confusion matrices to this picture."), SetBy.OWNER
    ] = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    workers: options.Workers = None,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    debug: options.Debug = False,
) -> None:
    """Classify images by a linear classifier on frozen features, several models side by side.

    Labels of the training images fit the classifier and choose its penalty; those of the test
    images are compared with what it predicts.
    """
    from nachash.report import confusion
    from nachash.report import linear as report
    from nachash.report import plot as plots
    from nachash.tasks.linear.linear import LinearSettings, linear

    settings = LinearSettings(
        models=tuple(models or ()),
        dataset=dataset,
        data_root=data_root,
        images=images,
        test=test,
        features=tuple(features.split(",")),
        solver=solver,
        fractions=tuple(map(_fraction, fraction.split(","))),
        seeds=seeds,
        epochs=epochs,
        seed=seed,
        device=device,
        workers=workers,
    )
    if plot:
        plots.check_writable(plot, overwrite=overwrite)
    with terminal.progress() as progress:
        probe = linear(settings, note=terminal.note, progress=progress)
    terminal.show_skipped(probe.skipped)
    if plot:
        confusion.draw(probe, plot)
        terminal.note(f"wrote {plot}")
    for line in report.json(probe) if json else report.text(probe):
        typer.echo(line)


def _fraction(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not a number", param_hint="--fraction") from None
