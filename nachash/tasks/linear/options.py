"""What `linear` can be asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from nachash import options
from nachash.options import OWNER, Argument, Flag, Solver


def _fractions(text: str) -> tuple[float, ...]:
    return tuple(map(_fraction, text.split(",")))


def _fraction(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a number") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearSettings:
    """What `linear` needs to know; the words are those of the command line."""

    models: Annotated[
        tuple[Path, ...], Argument("Model directories; default runs/latest.", "[MODEL]...")
    ] = ()
    dataset: Annotated[
        str | None,
        Flag("A data set by name, under its official split.", OWNER),
    ] = None
    images: Annotated[str | None, Flag("Images in a folder per class instead.", OWNER)] = None
    test: Annotated[
        str | None,
        Flag("Test images for --images; default: a fifth of each class is drawn.", OWNER),
    ] = None
    data_root: options.DataRoot = None
    solver: Annotated[
        Solver,
        Flag(
            "exact: logistic regression on cached features; published: SGD on new crops and "
            "flips; knn: votes of the 200 nearest."
        ),
    ] = "exact"
    features: Annotated[
        tuple[str, ...],
        Flag(
            "features, tanh (of the activations) or code (-1 and 1); a,b for both.",
            parse=lambda text: tuple(text.split(",")),
            default="features",
        ),
    ] = ("features",)
    fractions: Annotated[
        tuple[float, ...],
        Flag(
            "Share of the labels to learn from; several as 0.01,0.1,1.",
            names=("--fraction",),
            parse=_fractions,
            default="1",
        ),
    ] = (1.0,)
    seeds: Annotated[
        int, Flag("Subsets and initialisations: mean and spread over them.", least=1)
    ] = 1
    epochs: Annotated[int | None, Flag("Of the published solver; default 100.", least=1)] = None
    seed: options.Seed = 0
    device: options.Device = "auto"
    workers: options.Workers = None
