"""What encoding needs of a model directory, read without torch."""

import hashlib
import os
import stat
from pathlib import Path
from typing import Final

from nachash import model_config
from nachash.errors import DamagedError, StorageError
from nachash.inference import encoder_graph
from nachash.model_config import ModelConfig

ONNX_FILE: Final = "encoder.onnx"

# The encoder that comes with nachash, so that nothing has to be learned before the first search;
# tools/builtin_encoder.py made it.
BUILTIN: Final = Path(__file__).with_name("builtin")
BUILTIN_NAME: Final = Path("builtin")


def open_model(directory: Path) -> tuple[bytes, ModelConfig]:
    """The ONNX file of a model directory and its configuration, which belong together.

    The name `builtin` is the encoder that comes with nachash, unless a folder has it.

    Raises:
        MissingError: there is no model directory.
        DamagedError: the graph is missing, or is not the one of the configuration.
        IncompatibleError: a newer nachash wrote it.
    """
    if is_builtin(directory):
        directory = BUILTIN
    config = model_config.read(directory)
    path = directory / ONNX_FILE
    try:
        graph = _contents(path)
    except FileNotFoundError as error:
        raise DamagedError(f"{directory} has no {ONNX_FILE}", "train the model again") from error
    except ValueError as error:
        raise DamagedError(f"{path} {error}", "train the model again") from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(graph).hexdigest() != config.encoder_sha256:
        raise DamagedError(
            f"{path} is damaged: it is not the graph that {model_config.FILE_NAME} describes",
            "train the model again",
        )
    return graph, config


def is_builtin(directory: Path) -> bool:
    """Whether a name is that of the encoder that comes with nachash."""
    return directory == BUILTIN_NAME and not directory.exists()


def _contents(path: Path) -> bytes:
    """All bytes of a regular file; ValueError for another one, and for more than a graph can have.

    A pipe is not waited for, a device not read without an end.
    """
    with open(path, "rb", opener=_without_waiting) as opened:
        about = os.fstat(opened.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("is not a file")
        if about.st_size > encoder_graph.MOST_BYTES:
            raise ValueError(f"has {about.st_size:,} bytes: that is no encoder")
        return opened.read()


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
