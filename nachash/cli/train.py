"""`nachash train`: learn an encoder from unlabelled images."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal
from nachash.errors import NachashError
from nachash.settings import SetBy

_SET_ASIDE: Final = ["DEFAULT_MAP", "COMMANDLINE"]  # where a value comes from, and its rival


def _with_recipe(context: Any, name: str | None) -> str | None:
    """Lay a recipe below the flags and the environment, above `nachash.toml`."""
    if name is None:
        return None
    from nachash import recipes

    known = {parameter.name: parameter.opts[-1] for parameter in context.command.params}
    # In a recipe options stand as they are typed: `set`, whatever the parameter's name.
    spelled = {text.removeprefix("--").replace("-", "_"): key for key, text in known.items() if key}
    try:
        found = recipes.read(name, spelled.keys())
    except NachashError as error:
        raise typer.BadParameter(f"{error.sentence}; {error.hint}") from error
    values = {spelled[key]: value for key, value in found.items()}
    context.default_map = {**(context.default_map or {}), **values}
    return name


def _length(context: Any, parameter: Any, value: Any) -> Any:
    """A recipe's passes or budget, unless a flag gives the other of the two."""
    (other,) = {"epochs", "budget"} - {parameter.name}
    sources = [context.get_parameter_source(name) for name in (parameter.name, other)]
    return None if [source and source.name for source in sources] == _SET_ASIDE else value


def command(
    images: Annotated[
        str | None,
        typer.Argument(help="Folder, list of paths, '-' or .tar; default: the data set `digits`."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            is_eager=True,
            callback=_with_recipe,
            help="Settings by name (fast, paper, paper-cifar10-hash, cpu-cifar10-hash, ...) or "
            "from a .toml; flags win over it.",
        ),
        SetBy.OWNER,
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A data set by name instead."), SetBy.OWNER
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="Whose training part of the data set; default its usual one."),
        SetBy.ANYBODY,
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=2, help="Train on a random choice of so many images."),
        SetBy.ANYBODY,
    ] = None,
    data_root: options.DataRoot = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Model directory; default runs/<data>-<method>-<bits>."),
        SetBy.OWNER,
    ] = None,
    method: Annotated[str, typer.Option(help="Training objective."), SetBy.ANYBODY] = "nac",
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1, callback=_length, help="Passes over the images; default: enough steps."
        ),
        SetBy.ANYBODY,
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(callback=_length, help="Train for so long instead: 90s, 10m, 1.5h."),
        SetBy.ANYBODY,
    ] = None,
    bits: Annotated[
        int, typer.Option(envvar="NACHASH_BITS", help="Length of a code."), SetBy.ANYBODY
    ] = 64,
    noise: Annotated[
        str,
        typer.Option(help="Flip probability of the channel, in (0, 0.5), or 'auto'."),
        SetBy.ANYBODY,
    ] = "auto",
    batch_size: Annotated[
        int | None,
        typer.Option(min=2, help="Images per step; default 128, of a frozen backbone 256."),
        SetBy.ANYBODY,
    ] = None,
    optimiser: Annotated[
        str,
        typer.Option(help="adamw, sgd, lars, nac-lars, or another one that timm knows."),
        SetBy.ANYBODY,
    ] = "adamw",
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak learning rate."), SetBy.ANYBODY
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(min=0, help="Default 0.05 with adamw, else 1e-6."), SetBy.ANYBODY
    ] = None,
    warmup: Annotated[
        float,
        typer.Option(min=0, max=0.9, help="Share of the run in which the rate rises."),
        SetBy.ANYBODY,
    ] = 0.05,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="small, resnet18, resnet50, vgg16, efficientnet-lite0 to 2, timm/NAME, "
            "torchvision/NAME; default efficientnet-lite0 from 64 pixels on, else small."
        ),
        SetBy.OWNER,
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="random, pretrained or a file; default pretrained with --freeze."),
        SetBy.OWNER,
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="A frozen network to learn from: a model directory, or a backbone with "
            "pretrained weights."
        ),
        SetBy.OWNER,
    ] = None,
    freeze: Annotated[
        bool | None,
        typer.Option(
            "--freeze/--no-freeze",
            help="Keep the backbone as it is and train the head alone; default for pictures of "
            "64 pixels and more.",
            show_default=False,
        ),
        SetBy.ANYBODY,
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=8, help="Side of the square input, in pixels."), SetBy.ANYBODY
    ] = None,
    augment: Annotated[
        str | None, typer.Option(help="Recipe of the two views."), SetBy.ANYBODY
    ] = None,
    view_strength: Annotated[
        float | None,
        typer.Option(
            help="How far cached views of a frozen backbone go from the image: 1 as drawn; "
            "default 0.7."
        ),
        SetBy.ANYBODY,
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            help="How the head normalises: batch-norm, batch-norms, scaled (as published), or "
            "linear (one layer); default batch-norm, batch-norms of a frozen backbone, or what the "
            "method is published with."
        ),
        SetBy.ANYBODY,
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the method, as NAME=VALUE; may be repeated."),
        SetBy.ANYBODY,
    ] = None,
    monitor: Annotated[
        bool,
        typer.Option(
            "--monitor", help="Report mAP on labelled training images meanwhile; nothing else."
        ),
        SetBy.ANYBODY,
    ] = False,
    compile_: Annotated[
        bool,
        typer.Option("--compile", help="Compile the network with torch.compile."),
        SetBy.ANYBODY,
    ] = False,
    precision: Annotated[
        str,
        typer.Option(help="auto, fp32, tf32 or bf16; auto is bf16 where the device multiplies it."),
        SetBy.ANYBODY,
    ] = "auto",
    norm_groups: Annotated[
        int | None,
        typer.Option(min=1, help="Batch norms see a batch in so many parts, as views x devices."),
        SetBy.ANYBODY,
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was interrupted."), SetBy.OWNER
    ] = False,
    save_every: Annotated[
        str,
        typer.Option(help="How often the state is kept for --resume: steps, or a time."),
        SetBy.OWNER,
    ] = "5m",
    seed: options.Seed = 0,
    split_seed: Annotated[
        int,
        typer.Option(help="Seed of the data set's split; that of eval-map --seed."),
        SetBy.ANYBODY,
    ] = 0,
    device: options.Device = "auto",
    workers: options.Workers = None,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    debug: options.Debug = False,
) -> None:
    """Learn a hash from unlabelled images and write a model directory.

    With --method nac, two distorted views of each image are sent as bits over a channel that flips
    each bit with probability --noise; the encoder learns codes that still identify the image.
    --method nac-mean-field learns from the mean of what the channel delivers, in which no bit is
    flipped: in an hour of two cores a network learns more from it.
    """
    del recipe  # its settings are in the others
    from nachash.records import to_json
    from nachash.report import table
    from nachash.tasks.train.train import TrainSettings, train

    settings = TrainSettings(
        images=images,
        dataset=dataset,
        protocol=protocol,
        limit=limit,
        data_root=data_root,
        out=out,
        method=method,
        epochs=epochs,
        budget=_budget(budget, epochs),
        bits=bits,
        noise=noise if noise == "auto" else _probability(noise),
        batch_size=batch_size,
        optimiser=optimiser,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        warmup=warmup,
        backbone=backbone,
        weights=weights,
        teacher=teacher,
        freeze=freeze,
        head=head,
        size=size,
        augment=augment,
        view_strength=view_strength,
        seed=seed,
        split_seed=split_seed,
        device=device,
        workers=workers,
        overwrite=overwrite,
        resume=resume,
        save_every=save_every,
        compile=compile_,
        precision=precision,
        norm_groups=norm_groups,
        monitor=monitor,
        method_settings=dict(map(options.assigned, setting or ())),
    )
    with terminal.progress() as progress:
        result = train(settings, note=terminal.note, progress=progress)
    if not terminal.first_process():
        return
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
