"""The two official formats of CIFAR-10: batches pickled by Python 2, and binary batches.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, and
https://www.cs.toronto.edu/~kriz/cifar.html
"""

import codecs
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from nachash.errors import DamagedError
from nachash.shapes import UInt8

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PARTS = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
_PIXELS = 3 * 32 * 32


def _dtype(name: str, align: object = False, copy: object = False) -> "np.dtype[Any]":
    """A dtype from a pickle of Python 2, whose flags are numbers."""
    return np.dtype(name, align=bool(align), copy=bool(copy))


_RECONSTRUCT = np.zeros(0).__reduce__()[0]
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _dtype,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("_codecs", "encode"): codecs.encode,
}


class _ArraysOnly(pickle.Unpickler):
    """Reads dicts, lists, strings, numbers and numpy arrays; calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The few things that a batch needs; anything else ends the reading."""
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def batches(folder: Path) -> tuple["UInt8[np.ndarray, 'n 32 32 3']", list[str], list[str]]:
    """Pixels of all batches in a folder, training first; each image's name and class.

    Names are `train/cat/00017.png`, where 17 is the row in that part.

    Raises:
        DamagedError: a batch is missing or is not what the official archive holds.
    """
    binary = (folder / "test_batch.bin").exists()
    pixels, names, classes = [], [], []
    for part, files in PARTS.items():
        rows = [
            _binary(folder / f"{file}.bin") if binary else _pickled(folder / file) for file in files
        ]
        columns = [CLASSES[column] for _, part_columns in rows for column in part_columns]
        pixels += [_channels_last(values) for values, _ in rows]
        names += [f"{part}/{name}/{row:05d}.png" for row, name in enumerate(columns)]
        classes += columns
    return np.concatenate(pixels), names, classes


def _pickled(path: Path) -> tuple["UInt8[np.ndarray, 'n 3072']", list[int]]:
    """Rows and classes in a file of `cifar-10-batches-py`; no code in it is run."""
    try:
        with path.open("rb") as file:
            content = _ArraysOnly(file, encoding="latin1").load()
        return _checked(np.asarray(content["data"]), content["labels"])
    except Exception as error:  # a damaged pickle can make the reader raise anything
        raise _damaged(path, error) from error


def _binary(path: Path) -> tuple["UInt8[np.ndarray, 'n 3072']", list[int]]:
    """Rows and classes in a file of `cifar-10-batches-bin`: a byte of class, then the pixels."""
    try:
        rows = np.fromfile(path, np.uint8).reshape(-1, 1 + _PIXELS)
        return _checked(rows[:, 1:], rows[:, 0].tolist())
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _checked(
    values: np.ndarray, columns: list[int]
) -> tuple["UInt8[np.ndarray, 'n 3072']", list[int]]:
    if values.dtype != np.uint8 or values.shape != (len(columns), _PIXELS):
        raise ValueError(f"it holds {values.dtype} {values.shape} for {len(columns)} labels")
    if not all(0 <= column < len(CLASSES) for column in columns):
        raise ValueError("a label is not from 0 to 9")
    return values, columns


def _channels_last(
    values: "UInt8[np.ndarray, 'n 3072']",
) -> "UInt8[np.ndarray, 'n 32 32 3']":
    return values.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def _damaged(path: Path, error: Exception) -> DamagedError:
    return DamagedError(f"{path} is not a batch of CIFAR-10: {error}", "fetch the data set again")
