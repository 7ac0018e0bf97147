"""What the encoders of `vae` start from: random weights, or the backbone of a trained model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nachash import model_config
from nachash.errors import MissingError, UsageError
from nachash.model_config import ModelConfig

if TYPE_CHECKING:
    from nachash.encoders.encoder import Encoder

RANDOM: Final = "random"
_USUAL_BACKBONE: Final = "small"
_ANY_BITS: Final = 8  # of the hash head, which a start leaves behind


@dataclass(frozen=True, slots=True)
class Start:
    """An encoder to start from, loaded; `size` is None for one that has seen no images."""

    init: str
    method: str
    model: str | None
    size: int | None
    encoder: "Encoder"


@dataclass(frozen=True, slots=True)
class Starts:
    """Several of them, of one backbone."""

    each: tuple[Start, ...]
    backbone: str


def loaded(inits: Sequence[str], backbone: str | None, seed: int) -> Starts:
    """Every start by its name, `random` or a model directory.

    The network of a random start is that of the models, else `backbone`.

    Raises:
        UsageError: none is named, or their backbones differ.
        MissingError, DamagedError, IncompatibleError: a model directory cannot be used.
    """
    from nachash.encoders import model_directory

    if not inits:
        raise UsageError("there is no start", "--init random")
    network = _backbone({init: _config(init) for init in inits if init != RANDOM}, backbone)
    each = []
    for init in inits:
        if init == RANDOM:
            each.append(Start(RANDOM, RANDOM, None, None, _random(network, seed)))
            continue
        encoder, config = model_directory.load(Path(init))
        size, fingerprint = config.preprocessing.size, config.encoder_sha256
        each.append(Start(init, config.method, fingerprint, size, encoder))
    return Starts(tuple(each), network)


def _config(init: str) -> ModelConfig:
    """Configuration of a model directory.

    Raises:
        MissingError: there is none; says that `random` is the other choice.
    """
    try:
        return model_config.read(Path(init))
    except MissingError as error:
        raise MissingError(error.sentence, "--init random, or a directory of `train`") from error


def _backbone(models: Mapping[str, ModelConfig], wanted: str | None) -> str:
    """The one backbone of all starts."""
    networks = {init: config.backbone for init, config in models.items()}
    if wanted is not None:
        networks["--backbone"] = wanted
    if len(set(networks.values())) > 1:
        told = ", ".join(f"{name} is {network}" for name, network in networks.items())
        raise UsageError(
            f"starts are compared with one backbone only, and {told}",
            "models that were trained with the same --backbone",
        )
    return next(iter(networks.values()), _USUAL_BACKBONE)


def check_size(starts: Starts, size: int) -> None:
    """Refuse pictures of another size than the models learnt from, or too small for the network.

    Raises:
        UsageError: they are; says what to do.
    """
    for start in starts.each:
        if start.size is not None and start.size != size:
            raise UsageError(
                f"{start.init} was trained on pictures of {start.size} pixels, and these have "
                f"{size}",
                f"--size {start.size}, or a model trained with --size {size}",
            )
    import torch

    encoder = starts.each[0].encoder.eval()
    try:
        with torch.no_grad():
            encoder.backbone_features(torch.zeros(1, 3, size, size))
    except RuntimeError as error:
        raise UsageError(
            f"the backbone {starts.backbone} cannot take pictures of {size} pixels", "--size 32"
        ) from error


def _random(backbone: str, seed: int) -> "Encoder":
    import torch

    from nachash.encoders.encoder import initial

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return initial(backbone, weights="random", bits=_ANY_BITS, head="batch-norm")
