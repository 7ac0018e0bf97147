"""What `train` can be asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from nachash import options
from nachash.duration import seconds
from nachash.options import OWNER, Argument, Flag


def assigned(text: str) -> tuple[str, bool | float | int | str]:
    """NAME=VALUE, the value a number, true or false where it reads as one.

    Raises:
        ValueError: it is not.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"'{text}' is not NAME=VALUE")
    for number in (int, float):
        try:
            return name, number(value)
        except ValueError:
            continue
    return name, {"true": True, "false": False}.get(value, value)


def _all_assigned(texts: Iterable[str]) -> dict[str, Any]:
    return dict(map(assigned, texts))


def _probability(text: str) -> float | str:
    try:
        return text if text == "auto" else float(text)
    except ValueError:
        raise ValueError(f"'{text}' is neither a number nor 'auto'") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """What `train` needs to know; the words are those of the command line.

    None leaves a choice to us: images of `digits`, a free name below `runs`, the length that the
    number of images asks for, network, recipe and size that suit the images.

    Attributes:
        budget: seconds of training.
        warmup: a share of the run.
        split_seed: draws the training part of a data set, a sample, and the cached views of a
            frozen network; `seed` draws everything else.
        teacher: a model directory or the name of a backbone with pretrained weights; says in
            one word what `backbone`, `weights` and `freeze` say.
        view_strength: how far the cached views of a frozen network lie from the image as it is;
            1 as drawn, 0 the image.
        precision: in which layers compute, one of `training.arithmetic.PRECISIONS`.
        norm_groups: parts of a batch that batch norms see one at a time; None is all of it.
        method_settings: handed to the method's constructor by name.
    """

    images: Annotated[
        str | None,
        Argument("Folder, list of paths, '-' or .tar; default: the data set `digits`."),
    ] = None
    dataset: options.DataSetName = None
    protocol: Annotated[
        str | None, Flag("Whose training part of the data set; default its usual one.")
    ] = None
    limit: Annotated[
        int | None,
        Flag("Train on a random choice of so many images.", least=2),
    ] = None
    data_root: options.DataRoot = None
    out: Annotated[
        Path | None, Flag("Model directory; default runs/<data>-<method>-<bits>.", OWNER)
    ] = None
    method: Annotated[str, Flag("Training objective.")] = "nac"
    epochs: Annotated[
        int | None, Flag("Passes over the images; default: enough steps.", least=1)
    ] = None
    budget: Annotated[
        float | None,
        Flag(
            "Train for so long instead: 90s, 10m, 1.5h.", parse=partial(seconds, option="--budget")
        ),
    ] = None
    bits: Annotated[int, Flag("Length of a code.", environment="NACHASH_BITS")] = 64
    noise: Annotated[
        float | str,
        Flag(
            "Flip probability of the channel, in (0, 0.5), or 'auto'.",
            parse=_probability,
            default="auto",
        ),
    ] = "auto"
    batch_size: Annotated[
        int | None,
        Flag("Images per step; default 128, of a frozen backbone 256.", least=2),
    ] = None
    optimiser: Annotated[
        str, Flag("adamw, sgd, lars, nac-lars, or another one that timm knows.")
    ] = "adamw"
    learning_rate: Annotated[float | None, Flag("Peak learning rate.")] = None
    weight_decay: Annotated[
        float | None,
        Flag("Default 0.05 with adamw, else 1e-6.", least=0),
    ] = None
    warmup: Annotated[
        float, Flag("Share of the run in which the rate rises.", least=0, most=0.9)
    ] = 0.05
    backbone: Annotated[
        str | None,
        Flag(
            "small, resnet18, resnet50, vgg16, efficientnet-lite0 to 2, timm/NAME, "
            "torchvision/NAME; default efficientnet-lite0 from 64 pixels on, else small.",
            OWNER,
        ),
    ] = None
    weights: Annotated[
        str | None,
        Flag("random, pretrained or a file; default pretrained with --freeze.", OWNER),
    ] = None
    teacher: Annotated[
        str | None,
        Flag(
            "A frozen network to learn from: a model directory, or a backbone with "
            "pretrained weights.",
            OWNER,
        ),
    ] = None
    freeze: Annotated[
        bool | None,
        Flag(
            "Keep the backbone as it is and train the head alone; default for pictures of "
            "64 pixels and more.",
            names=("--freeze/--no-freeze",),
            shown=False,
        ),
    ] = None
    head: Annotated[
        str | None,
        Flag(
            "How the head normalises: batch-norm, batch-norms, scaled (as published), or "
            "linear (one layer); default batch-norm, batch-norms of a frozen backbone, or what the "
            "method is published with."
        ),
    ] = None
    size: options.Size = None
    augment: Annotated[str | None, Flag("Recipe of the two views.")] = None
    view_strength: Annotated[
        float | None,
        Flag(
            "How far cached views of a frozen backbone go from the image: 1 as drawn; default 0.7."
        ),
    ] = None
    seed: options.Seed = 0
    split_seed: Annotated[int, Flag("Seed of the data set's split; that of eval-map --seed.")] = 0
    device: options.Device = "auto"
    workers: options.Workers = None
    overwrite: options.Overwrite = False
    resume: Annotated[bool, Flag("Go on with a run that was interrupted.", OWNER)] = False
    save_every: Annotated[
        str, Flag("How often the state is kept for --resume: steps, or a time.", OWNER)
    ] = "5m"
    compile: Annotated[bool, Flag("Compile the network with torch.compile.")] = False
    precision: Annotated[
        str, Flag("auto, fp32, tf32 or bf16; auto is bf16 where the device multiplies it.")
    ] = "auto"
    norm_groups: Annotated[
        int | None,
        Flag("Batch norms see a batch in so many parts, as views x devices.", least=1),
    ] = None
    monitor: Annotated[
        bool, Flag("Report mAP on labelled training images meanwhile; nothing else.")
    ] = False
    latest: bool = True  # let runs/latest name the model
    method_settings: Annotated[
        Mapping[str, Any],
        Flag(
            "A setting of the method, as NAME=VALUE; may be repeated.",
            names=("--set",),
            parse=_all_assigned,
            kind=list[str],
        ),
    ] = field(default_factory=dict)
