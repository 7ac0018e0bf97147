"""The model a command works with: which directory, and how its encoder runs fastest here."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from nachash.errors import DeviceError, MissingError
from nachash.inference.model_directory import BUILTIN_NAME, is_builtin, open_model
from nachash.model_config import ModelConfig
from nachash.tasks.device import gpu
from nachash.tasks.encoder import Encoder

_log = logging.getLogger(__name__)

LATEST = Path("runs/latest")


@dataclass(frozen=True, slots=True)
class Model:
    """A model directory with its encoder, ready to run; `runtime` says by what, in words."""

    directory: Path
    config: ModelConfig
    onnx: bytes
    encoder: Encoder
    runtime: str


def chosen_model(given: Path | None) -> Path:
    """The model directory: as given, else the one that `runs/latest` points to.

    `runs/latest` is a link, or where links are not possible a text file with a folder's name.

    Raises:
        MissingError: nothing was given and nothing has been trained here.
    """
    if given is not None:
        return given
    if LATEST.is_symlink() and LATEST.exists():
        return Path(os.path.normpath(LATEST.parent / LATEST.readlink()))
    if LATEST.is_file():
        return Path(os.path.normpath(LATEST.parent / LATEST.read_text(encoding="utf-8").strip()))
    if LATEST.is_dir():
        return LATEST
    raise MissingError(
        "there is no model: runs/latest does not exist in this directory",
        "nachash train ./images, or name a model directory with --model",
    )


def encoding_model(
    given: Path | None,
) -> Path:
    """The model to encode with: as `chosen_model`, else the one that comes with nachash."""
    try:
        return chosen_model(given)
    except MissingError:
        _log.info(
            "nothing has been trained here: pictures are encoded by the model `builtin` that comes "
            "with nachash; `nachash train FOLDER` makes one for yours"
        )
        return BUILTIN_NAME


def loaded_model(directory: Path, device: str) -> Model:
    """A model directory and its encoder, on the device that suits.

    On a CPU the ONNX graph runs (faster there, and torch is not imported), on a GPU torch.

    Raises:
        MissingError, DamagedError, IncompatibleError: the directory cannot be used.
        DeviceError: the device was asked for and is not there.
    """
    onnx, config = open_model(directory)
    if accelerator := _accelerator(directory, device):
        from nachash.encoders.torch_encoder import TorchEncoder

        there = TorchEncoder(directory, accelerator).activations
        encoder = Encoder(config.preprocessing, config.bits, there, on_gpu=True)
        return Model(directory, config, onnx, encoder, f"torch on {accelerator}")
    from nachash.inference.onnx_encoder import OnnxEncoder

    encoder = Encoder(config.preprocessing, config.bits, OnnxEncoder(onnx).activations)
    return Model(directory, config, onnx, encoder, "ONNX Runtime on the CPU")


def _accelerator(directory: Path, device: str) -> str | None:
    """The torch device for a model; the one that comes with nachash is an ONNX graph alone."""
    if is_builtin(directory) and device == "auto":
        return None
    accelerator = gpu(device)
    if is_builtin(directory) and accelerator:
        raise DeviceError(
            f"the model {BUILTIN_NAME} runs on the CPU only, not on {accelerator}",
            "--device cpu, or nachash train ./photos",
        )
    return accelerator
