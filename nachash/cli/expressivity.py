"""`nachash expressivity`: how finely an encoder cuts its inputs, before and after training."""

from pathlib import Path
from typing import Annotated

import typer

from nachash import options
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.options import OWNER, Flag
from nachash.paper.expressivity.options import ExpressivitySettings, ToySettings


@declared(ExpressivitySettings)
def command(
    settings: ExpressivitySettings,
    *,
    toy: Annotated[bool, Flag("Points in the plane instead: exact linear regions.")] = False,
    shape: Annotated[str, Flag("Of the toy: moons, circles or spiral.")] = "moons",
    seeds: Annotated[int, Flag("Of the toy: how many seeds, from --seed on.", least=1)] = 1,
    plot: Annotated[Path | None, Flag("Draw the regions: .png, .svg or .pdf.", OWNER)] = None,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    debug: Debug = False,
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
        from nachash.paper.expressivity.toy_expressivity import toy_expressivity

        _refuse_beside_toy(settings)
        with terminal.progress() as progress:
            found, toys = toy_expressivity(
                ToySettings(shape=shape, seed=settings.seed, seeds=seeds), progress=progress
            )
        if plot:
            regions.draw_toys(toys, plot)
            terminal.note(f"wrote {plot}")
        typer.echo(to_json(found) if json else table.toy(found))
        return
    from nachash.paper.expressivity.expressivity import expressivity

    with terminal.progress() as progress:
        result, planes = expressivity(settings, progress=progress)
    if plot:
        regions.draw_planes(result, planes, plot)
        terminal.note(f"wrote {plot}")
    typer.echo(to_json(result) if json else table.images(result))


def _refuse_beside_toy(settings: ExpressivitySettings) -> None:
    from nachash.errors import UsageError

    if settings.models or settings.images or settings.dataset:
        raise UsageError(
            "--toy trains encoders of its own on points: it takes neither models nor images",
            "nachash expressivity --toy",
        )
