"""What `expressivity` can be asked for: of trained models, and of the toy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from nachash import options
from nachash.options import OWNER, Argument, Flag


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressivitySettings:
    """What `expressivity` needs to know; the words are those of the command line.

    Without `images` and `dataset` the images are those of the data set that the first model was
    trained on, if it has a name.
    """

    models: Annotated[
        tuple[Path, ...], Argument("Model directories; default runs/latest.", "[MODEL]...")
    ] = ()
    images: Annotated[
        str | None,
        Flag("Folder, list of paths or archive; default: what the model learnt from.", OWNER),
    ] = None
    dataset: options.DataSetName = None
    data_root: options.DataRoot = None
    layer: Annotated[
        str, Flag("code, all, or a ReLU layer by its name (a wrong one lists them).")
    ] = "code"
    grid: Annotated[int, Flag("Points along a side of the plane.", least=2)] = 256
    sample: Annotated[int, Flag("Images to count activation codes of, at most.", least=3)] = 1000
    pairs: Annotated[
        int, Flag("Pairs of images between which boundaries are counted.", least=1)
    ] = 20
    seed: options.Seed = 0
    device: options.Device = "auto"
    workers: options.Workers = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToySettings:
    """What the toy needs to know; the words are those of the command line."""

    shape: str = "moons"
    points: int = 400
    widths: tuple[int, ...] = (8, 8)
    bits: int = 16
    steps: int = 600
    spread: float = 0.1
    noise: float = 0.1
    temperature: float = 0.5
    seed: int = 0
    seeds: int = 1
