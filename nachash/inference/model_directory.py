"""A model directory, as far as encoding needs it: the ONNX graph and the configuration."""

from pathlib import Path

from nachash import model_config
from nachash.errors import DamagedError, MissingError
from nachash.model_config import ModelConfig

ONNX_FILE = "encoder.onnx"


def open_model(directory: Path) -> tuple[bytes, ModelConfig]:
    """The encoder's ONNX bytes and its configuration; torch is not needed.

    Raises:
        MissingError: it is no model directory, or the graph is not in it.
        DamagedError, IncompatibleError: it cannot be used.
    """
    config = model_config.read(directory)
    path = directory / ONNX_FILE
    try:
        onnx = path.read_bytes()
    except FileNotFoundError as error:
        raise MissingError(f"{directory} has no {ONNX_FILE}", "train the model again") from error
    except OSError as error:
        raise DamagedError(f"{path} cannot be read: {error.strerror}") from error
    return onnx, config
