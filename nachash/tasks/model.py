"""The model a command works with: which directory, and how its encoder runs fastest here."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nachash.errors import DeviceError, MissingError
from nachash.inference.model_directory import BUILTIN_NAME, is_builtin, open_model
from nachash.model_config import ModelConfig
from nachash.shapes import Float32, UInt8
from nachash.tasks.device import gpu

LATEST = Path("runs/latest")

Activations = Callable[[UInt8[np.ndarray, "batch size size 3"]], Float32[np.ndarray, "batch bits"]]


@dataclass(frozen=True, slots=True)
class Model:
    """A trained encoder, ready to turn pixels into activations."""

    directory: Path
    config: ModelConfig
    onnx: bytes
    activations: Activations
    runtime: str
    on_gpu: bool = False


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


def encoding_model(given: Path | None, choice: Callable[[str], None]) -> Path:
    """The model to encode with: as `chosen_model`, else the one that comes with nachash.

    `choice` is told where nothing has been trained here.
    """
    try:
        return chosen_model(given)
    except MissingError:
        choice(
            "nothing has been trained here: pictures are encoded by the model `builtin` that comes "
            "with nachash; `nachash train FOLDER` makes one for yours"
        )
        return BUILTIN_NAME


def loaded_model(directory: Path, device: str) -> Model:
    """A model directory as a function from pixels to activations, on the device that suits.

    On a CPU the ONNX graph runs (faster there, and torch is not imported), on a GPU torch.

    Raises:
        MissingError, DamagedError, IncompatibleError: the directory cannot be used.
        DeviceError: the device was asked for and is not there.
    """
    from nachash.inference.onnx_encoder import OnnxEncoder

    onnx, config = open_model(directory)
    accelerator = _accelerator(directory, device)
    if accelerator is None:
        encoder = OnnxEncoder(onnx, threads=None)
        return Model(directory, config, onnx, encoder.activations, "ONNX Runtime on the CPU")
    from nachash.encoders.torch_encoder import TorchEncoder

    encoder_there = TorchEncoder(directory, accelerator)
    return Model(
        directory, config, onnx, encoder_there.activations, f"torch on {accelerator}", True
    )


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
