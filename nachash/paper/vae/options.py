"""What `vae` can be asked for."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal

from nachash import options
from nachash.duration import seconds
from nachash.options import OWNER, Argument, Flag

RANDOM: Final = "random"
Likelihood = Literal["gaussian", "gaussian-symmetric", "learned-gaussian", "discretized-logistic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VaeSettings:
    """What `vae` needs to know; the words are those of the command line.

    None leaves a choice to us: images of `digits`, the backbone of the models or `small`, the size
    that the pictures have, a length that shows 100,000 images, a free name below `runs`. `budget`
    is in seconds of training for all starts together.
    """

    images: Annotated[
        str | None,
        Argument("Folder, list of paths, '-' or .tar; default: the data set `digits`."),
    ] = None
    init: Annotated[
        tuple[str, ...],
        Flag(
            "Start of the encoder: random, or a model directory; may be repeated.",
            OWNER,
            shown=RANDOM,
            default=None,
        ),
    ] = (RANDOM,)
    dataset: options.DataSetName = None
    data_root: options.DataRoot = None
    out: Annotated[
        Path | None,
        Flag("Folder for figures, weights and pictures; default runs/<data>-vae.", OWNER),
    ] = None
    epochs: Annotated[
        int | None, Flag("Passes over the images; default: 100,000 images seen.", least=1)
    ] = None
    budget: Annotated[
        float | None,
        Flag(
            "Train so long in all instead, each start equally: 90s, 10m, 1.5h.",
            parse=partial(seconds, option="--budget"),
        ),
    ] = None
    latent: Annotated[int, Flag("Length of the latent vector.", least=1)] = 128
    likelihood: Annotated[
        Likelihood, Flag("Of an image, given its latent vector; see docs/vae.md.")
    ] = "gaussian"
    iw_samples: Annotated[int, Flag("Samples of the importance-weighted bound.", least=1)] = 64
    test_images: Annotated[
        int, Flag("Images to measure on, none of them trained on, at most.", least=1)
    ] = 1000
    batch_size: Annotated[int, Flag("Images per step.", least=2)] = 64
    learning_rate: Annotated[float, Flag("Peak learning rate.")] = 2e-3
    backbone: Annotated[
        str | None,
        Flag("Network of a random start; default that of the models, else small.", OWNER),
    ] = None
    size: Annotated[int | None, Flag("Side of the square pictures, in pixels.", least=8)] = None
    seed: options.Seed = 0
    device: options.Device = "auto"
    workers: options.Workers = None
    overwrite: options.Overwrite = False
