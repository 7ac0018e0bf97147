"""`nachash vae`: variational autoencoders from several starts of the encoder, side by side."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal
from nachash.settings import SetBy


def command(
    images: Annotated[
        str | None,
        typer.Argument(help="Folder, list of paths, '-' or .tar; default: the data set `digits`."),
    ] = None,
    init: Annotated[
        list[str] | None,
        typer.Option(
            help="Start of the encoder: random, or a model directory; may be repeated.",
            show_default="random",
        ),
        SetBy.OWNER,
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A data set by name instead."), SetBy.OWNER
    ] = None,
    data_root: options.DataRoot = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for figures, weights and pictures; default runs/<data>-vae."),
        SetBy.OWNER,
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Passes over the images; default: 100,000 images seen."),
        SetBy.ANYBODY,
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="Train so long in all instead, each start equally: 90s, 10m, 1.5h."),
        SetBy.ANYBODY,
    ] = None,
    latent: Annotated[
        int, typer.Option(min=1, help="Length of the latent vector."), SetBy.ANYBODY
    ] = 128,
    likelihood: Annotated[
        Literal["gaussian", "gaussian-symmetric", "learned-gaussian", "discretized-logistic"],
        typer.Option(help="Of an image, given its latent vector; see docs/vae.md."),
        SetBy.ANYBODY,
    ] = "gaussian",
    iw_samples: Annotated[
        int, typer.Option(min=1, help="Samples of the importance-weighted bound."), SetBy.ANYBODY
    ] = 64,
    test_images: Annotated[
        int,
        typer.Option(min=1, help="Images to measure on, none of them trained on, at most."),
        SetBy.ANYBODY,
    ] = 1000,
    batch_size: Annotated[int, typer.Option(min=2, help="Images per step."), SetBy.ANYBODY] = 64,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate."), SetBy.ANYBODY] = 2e-3,
    backbone: Annotated[
        str | None,
        typer.Option(help="Network of a random start; default that of the models, else small."),
        SetBy.OWNER,
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=8, help="Side of the square pictures, in pixels."),
        SetBy.ANYBODY,
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Write the curves here; default curves.png in the folder."),
        SetBy.OWNER,
    ] = None,
    grid: Annotated[
        Path | None,
        typer.Option(help="Write reconstructions and samples here; default pictures.png there."),
        SetBy.OWNER,
    ] = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    workers: options.Workers = None,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    debug: options.Debug = False,
) -> None:
    """Compare starts of a VAE's encoder: ELBO, log-likelihood, KL, active units, inference gap.

    All starts share the decoder's first weights, the order of the images and the noise. Every
    figure is in nats per image and in bits per dimension, on images that were not trained on.
    """
    from nachash.paper.vae.vae import VaeSettings, vae
    from nachash.report import plot as plots
    from nachash.report import vae as report
    from nachash.report import vae_curves, vae_pictures
    from nachash.tasks.duration import seconds

    settings = VaeSettings(
        init=tuple(init or ("random",)),
        images=images,
        dataset=dataset,
        data_root=data_root,
        out=out,
        epochs=epochs,
        budget=None if budget is None else seconds(budget, "--budget"),
        latent=latent,
        likelihood=likelihood,
        iw_samples=iw_samples,
        test_images=test_images,
        batch_size=batch_size,
        learning_rate=learning_rate,
        backbone=backbone,
        size=size,
        seed=seed,
        device=device,
        workers=workers,
        overwrite=overwrite,
    )
    if plot:
        plots.check_writable(plot, overwrite=overwrite)
    if grid:
        vae_pictures.check_writable(grid, overwrite=overwrite)
    with terminal.progress() as progress:
        result = vae(settings, note=terminal.note, progress=progress)
    terminal.show_skipped(result.skipped)
    for path, draw in (
        (plot or Path(result.directory) / "curves.png", vae_curves.curves),
        (grid or Path(result.directory) / "pictures.png", vae_pictures.grid),
    ):
        draw(result, path)
        terminal.note(f"wrote {path}")
    for line in result.json_lines() if json else report.text(result):
        typer.echo(line)
