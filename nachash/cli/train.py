"""`nachash train`: learn an encoder from unlabelled images."""

from pathlib import Path
from typing import Annotated

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal


def command(
    images: Annotated[
        str | None,
        typer.Argument(help="Folder, list of paths, '-' or .tar; default: the data set `digits`."),
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="A data set by name instead.")] = None,
    data_root: options.DataRoot = None,
    out: Annotated[
        Path | None, typer.Option(help="Model directory; default runs/<data>-<method>-<bits>.")
    ] = None,
    method: Annotated[str, typer.Option(help="Training objective.")] = "nac",
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the images; default: enough steps.")
    ] = None,
    bits: Annotated[int, typer.Option(envvar="NACHASH_BITS", help="Length of a code.")] = 64,
    noise: Annotated[
        str, typer.Option(help="Flip probability of the channel, in (0, 0.5), or 'auto'.")
    ] = "auto",
    batch_size: Annotated[int, typer.Option(min=2, help="Images per step.")] = 128,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="small, resnet18, resnet50, vgg16, timm/NAME, torchvision/NAME."),
    ] = None,
    weights: Annotated[str, typer.Option(help="random, pretrained or a file.")] = "random",
    size: Annotated[
        int | None, typer.Option(min=8, help="Side of the square input, in pixels.")
    ] = None,
    augment: Annotated[str | None, typer.Option(help="Recipe of the two views.")] = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    workers: options.Workers = None,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    debug: options.Debug = False,
) -> None:
    """Learn a hash from unlabelled images and write a model directory.

    Two distorted views of each image are sent as bits over a channel that flips each bit with
    probability --noise; the encoder learns codes from which the image can still be told.
    """
    from nachash.records import to_json
    from nachash.report import table
    from nachash.tasks.train import TrainSettings, train

    settings = TrainSettings(
        images=images,
        dataset=dataset,
        data_root=data_root,
        out=out,
        method=method,
        epochs=epochs,
        bits=bits,
        noise=noise if noise == "auto" else _probability(noise),
        batch_size=batch_size,
        learning_rate=learning_rate,
        backbone=backbone,
        weights=weights,
        size=size,
        augment=augment,
        seed=seed,
        device=device,
        workers=workers,
        overwrite=overwrite,
    )
    with terminal.progress() as progress:
        result = train(settings, progress=progress)
    terminal.show_skipped(result.skipped)
    typer.echo(to_json(result) if json else table.training(result))


def _probability(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(
            f"'{text}' is neither a number nor 'auto'", param_hint="--noise"
        ) from None
