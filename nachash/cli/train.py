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
    budget: Annotated[
        str | None, typer.Option(help="Train for so long instead: 90s, 10m, 1.5h.")
    ] = None,
    bits: Annotated[int, typer.Option(envvar="NACHASH_BITS", help="Length of a code.")] = 64,
    noise: Annotated[
        str, typer.Option(help="Flip probability of the channel, in (0, 0.5), or 'auto'.")
    ] = "auto",
    batch_size: Annotated[
        int | None,
        typer.Option(min=2, help="Images per step; default 128, of a frozen backbone 256."),
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="small, resnet18, resnet50, vgg16, efficientnet-lite0, timm/NAME, "
            "torchvision/NAME; default efficientnet-lite0 from 64 pixels on, else small."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="random, pretrained or a file; default pretrained with --freeze."),
    ] = None,
    freeze: Annotated[
        bool | None,
        typer.Option(
            "--freeze/--no-freeze",
            help="Keep the backbone as it is and train the head alone; default for pictures of "
            "64 pixels and more.",
            show_default=False,
        ),
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=8, help="Side of the square input, in pixels.")
    ] = None,
    augment: Annotated[str | None, typer.Option(help="Recipe of the two views.")] = None,
    head: Annotated[
        str, typer.Option(help="Last layer: batch-norm, or scaled, as published.")
    ] = "batch-norm",
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the method, as NAME=VALUE; may be repeated."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was interrupted.")
    ] = False,
    save_every: Annotated[
        str, typer.Option(help="How often the state is kept for --resume: steps, or a time.")
    ] = "5m",
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
        budget=_budget(budget, epochs),
        bits=bits,
        noise=noise if noise == "auto" else _probability(noise),
        batch_size=batch_size,
        learning_rate=learning_rate,
        backbone=backbone,
        weights=weights,
        freeze=freeze,
        head=head,
        size=size,
        augment=augment,
        seed=seed,
        device=device,
        workers=workers,
        overwrite=overwrite,
        resume=resume,
        save_every=save_every,
        method_settings=dict(map(_setting, setting or ())),
    )
    with terminal.progress() as progress:
        result = train(settings, note=terminal.note, progress=progress)
    terminal.show_skipped(result.skipped)
    typer.echo(to_json(result) if json else table.training(result))


def _probability(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(
            f"'{text}' is neither a number nor 'auto'", param_hint="--noise"
        ) from None


def _budget(text: str | None, epochs: int | None) -> float | None:
    from nachash.tasks.duration import seconds

    if text is None:
        return None
    if epochs is not None:
        raise typer.BadParameter("goes without --epochs", param_hint="--budget")
    return seconds(text, "--budget")


def _setting(text: str) -> tuple[str, bool | float | int | str]:
    """NAME=VALUE, the value a number, true or false where it reads as one."""
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"'{text}' is not NAME=VALUE", param_hint="--set")
    for number in (int, float):
        try:
            return name, number(value)
        except ValueError:
            continue
    return name, {"true": True, "false": False}.get(value, value)
