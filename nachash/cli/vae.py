"""`nachash vae`: variational autoencoders from several starts of the encoder, side by side."""

from pathlib import Path
from typing import Annotated

import typer

from nachash import options
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.options import OWNER, Flag
from nachash.paper.vae.options import VaeSettings


@declared(VaeSettings)
def command(
    settings: VaeSettings,
    *,
    plot: Annotated[
        Path | None, Flag("Write the curves here; default curves.png in the folder.", OWNER)
    ] = None,
    grid: Annotated[
        Path | None,
        Flag("Write reconstructions and samples here; default pictures.png there.", OWNER),
    ] = None,
    json: options.Json = False,
    debug: Debug = False,
) -> None:
    """Compare starts of a VAE's encoder: ELBO, log-likelihood, KL, active units, inference gap.

    All starts share the decoder's first weights, the order of the images and the noise. Every
    figure is in nats per image and in bits per dimension, on images that were not trained on.
    """
    from nachash.paper.vae.vae import vae
    from nachash.report import plot as plots
    from nachash.report import vae as report
    from nachash.report import vae_curves, vae_pictures

    if plot:
        plots.check_writable(plot, overwrite=settings.overwrite)
    if grid:
        vae_pictures.check_writable(grid, overwrite=settings.overwrite)
    with terminal.progress() as progress:
        result = vae(settings, progress=progress)
    terminal.show_skipped(result.skipped)
    for path, draw in (
        (plot or Path(result.directory) / "curves.png", vae_curves.curves),
        (grid or Path(result.directory) / "pictures.png", vae_pictures.grid),
    ):
        draw(result, path)
        terminal.note(f"wrote {path}")
    for line in result.json_lines() if json else report.text(result):
        typer.echo(line)
