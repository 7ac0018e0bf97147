"""`nachash expressivity`: how finely an encoder cuts its inputs, before and after training."""

from pathlib import Path
from typing import Annotated

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal
from nachash.settings import SetBy


def command(
    models: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[MODEL]...", help="Model directories; default runs/latest."),
    ] = None,
    toy: Annotated[
        bool,
        typer.Option("--toy", help="Points in the plane instead: exact linear regions."),
        SetBy.ANYBODY,
    ] = False,
    shape: Annotated[
        str, typer.Option(help="Of the toy: moons, circles or spiral."), SetBy.ANYBODY
    ] = "moons",
    seeds: Annotated[
        int, typer.Option(min=1, help="Of the toy: how many seeds, from --seed on."), SetBy.ANYBODY
    ] = 1,
    images: Annotated[
        str | None,
        typer.Option(help="Folder, list of paths or archive; default: what the model learnt from."),
        SetBy.OWNER,
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A data set by name instead."), SetBy.OWNER
    ] = None,
    data_root: options.DataRoot = None,
    layer: Annotated[
        str,
        typer.Option(help="code, all, or a ReLU layer by its name (a wrong one lists them)."),
        SetBy.ANYBODY,
    ] = "code",
    grid: Annotated[
        int, typer.Option(min=2, help="Points along a side of the plane."), SetBy.ANYBODY
    ] = 256,
    sample: Annotated[
        int,
        typer.Option(min=3, help="Images to count activation codes of, at most."),
        SetBy.ANYBODY,
    ] = 1000,
    pairs: Annotated[
        int,
        typer.Option(min=1, help="Pairs of images between which boundaries are counted."),
        SetBy.ANYBODY,
    ] = 20,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the regions: .png, .svg or .pdf."), SetBy.OWNER
    ] = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    workers: options.Workers = None,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    debug: options.Debug = False,
) -> None:
    """Count and draw the regions into which a ReLU encoder cuts its inputs.

    For trained models: activation patterns in the plane through three images, distinct codes,
    Hamming distances, boundaries between images; untrained and trained side by side. With
    --toy: a small encoder of points, untrained, trained by SimCLR and by NAC, exactly.
    """
    from nachash.records import to_json
    from nachash.report import expressivity as table
    from nachash.report import plot as plots
    from nachash.report import regions

    if plot:
        plots.check_writable(plot, overwrite=overwrite)
    if toy:
        from nachash.paper.expressivity.toy_expressivity import ToySettings, toy_expressivity

        _refuse_beside_toy(models, images, dataset)
        with terminal.progress() as progress:
            found, toys = toy_expressivity(
                ToySettings(shape=shape, seed=seed, seeds=seeds), progress=progress
            )
        if plot:
            regions.draw_toys(toys, plot)
            terminal.note(f"wrote {plot}")
        typer.echo(to_json(found) if json else table.toy(found))
        return
    from nachash.paper.expressivity.expressivity import ExpressivitySettings, expressivity

    settings = ExpressivitySettings(
        models=tuple(models or ()),
        images=images,
        dataset=dataset,
        data_root=data_root,
        layer=layer,
        grid=grid,
        sample=sample,
        pairs=pairs,
        seed=seed,
        device=device,
        workers=workers,
    )
    with terminal.progress() as progress:
        result, planes = expressivity(settings, choice=terminal.note, progress=progress)
    if plot:
        regions.draw_planes(result, planes, plot)
        terminal.note(f"wrote {plot}")
    typer.echo(to_json(result) if json else table.images(result))


def _refuse_beside_toy(models: list[Path] | None, images: str | None, dataset: str | None) -> None:
    from nachash.errors import UsageError

    if models or images or dataset:
        raise UsageError(
            "--toy trains encoders of its own on points: it takes neither models nor images",
            "nachash expressivity --toy",
        )
