"""The state of a run on disk: replaced as a whole, and read without running code."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from nachash.complete_file import complete_file
from nachash.errors import DamagedError


def write(path: Path, state: Mapping[str, Any]) -> None:
    """Replace a checkpoint; whatever happens meanwhile, the old or the new one is there.

    Raises:
        StorageError: it cannot be written, e.g. since the disk is full; the old one is kept.
    """
    content = io.BytesIO()
    torch.save(dict(state), content)
    # Plain writes: a full disk is then an OSError, whatever torch would make of it.
    with complete_file(path, durable=True) as file:
        file.write(content.getbuffer())


def read(path: Path) -> dict[str, Any]:
    """The state that `write` wrote, its tensors on the CPU.

    Raises:
        DamagedError: the file is no checkpoint, or one that would run code.
    """
    try:
        with warnings.catch_warnings():
            # Torch warns of unusual pickles; what it cannot read safely it refuses all the same.
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what reading strange bytes raises is not listed anywhere
        raise DamagedError(
            f"{path} is not a checkpoint that can be read: {type(error).__name__}",
            "begin again with --overwrite instead of --resume",
        ) from error
    if not isinstance(state, dict):
        raise DamagedError(f"{path} is not a checkpoint", "begin again with --overwrite")
    return state
