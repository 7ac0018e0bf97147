"""Decoded training images that do not fit into memory: a memory-mapped file in the cache folder.

The file belongs to one listing of images (names, sizes, times of change) at one size; when the
folder changes, another listing asks for another file. What was not used for longest goes when
the next one is written.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from nachash import __version__
from nachash.complete_file import complete_file
from nachash.errors import StorageError
from nachash.own_folders import cache_folder
from nachash.records import Skipped, Source
from nachash.shapes import UInt8

# The share of the free memory that pixels may take; views, network and features want the rest.
_SHARE: Final = 0.5
_HINT: Final = "a smaller --size, --limit N, or NACHASH_CACHE=FOLDER on a larger disk"


@dataclass(frozen=True, slots=True)
class Pixels:
    """Images that could be read, those that could not, and the fingerprint of all of them."""

    pixels: UInt8[np.ndarray, "n 3 size size"]
    skipped: tuple[Skipped, ...]
    fingerprint: str


def fits(images: int, size: int) -> bool:
    """Whether so many images of that size leave half of the free memory free."""
    return images * 3 * size * size <= _SHARE * free_memory()


def free_memory() -> int:
    """Bytes that can be had without swapping."""
    import psutil

    return int(psutil.virtual_memory().available)


def path_of(source: Source, size: int) -> Path:
    """The file of a source at a size.

    Raises:
        StorageError: there is no folder for such files.
    """
    listing = repr((source.root, source.references, size, __version__)).encode()
    folder = cache_folder("pixels")
    if folder is None:
        raise StorageError("the decoded images do not fit into memory, and there is no home", _HINT)
    return folder / f"{hashlib.sha256(listing).hexdigest()[:32]}.npy"


def read(path: Path) -> Pixels | None:
    """The images in a file, not loaded; None when there is none, or not a whole one."""
    try:
        about: dict[str, Any] = json.loads(_about(path).read_text(encoding="utf-8"))
        # Copy on write: torch wants memory that could be written, and nothing writes. Objects,
        # which would be unpickled, are refused.
        pixels = np.lib.format.open_memmap(path, mode="c")[: about["images"]]
        os.utime(path)
    except (OSError, ValueError, KeyError, EOFError):
        return None
    skipped = tuple(Skipped(**image) for image in about["skipped"])
    return Pixels(pixels, skipped, about["fingerprint"])


@contextlib.contextmanager
def written(
    path: Path, images: int, size: int
) -> Iterator[Callable[[UInt8[np.ndarray, "n 3 size size"]], None]]:
    """What adds images to a new file, which is there once the block has ended well.

    `describe` must follow, or the file does not count. It is written and not mapped: a disk that
    is full meanwhile is an error then, and no signal that ends the process.

    Raises:
        StorageError: the disk has no room for it.
    """
    needed = images * 3 * size * size
    elsewhere = "NACHASH_CACHE=FOLDER on another disk"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _forget_others(path.parent)
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        reason = error.strerror or error
        raise StorageError(f"{path.parent} cannot be written: {reason}", elsewhere) from error
    if free < needed:
        raise StorageError(
            f"{path.parent} has no room for {needed / 2**30:.1f} GiB of decoded images, "
            "which do not fit into memory either",
            _HINT,
        )
    with complete_file(path, hint=elsewhere) as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": (images, 3, size, size)}
        )
        whole = file.tell() + needed
        yield lambda pixels: _written_all(file, pixels)
        file.truncate(whole)


def _written_all(file: BinaryIO, pixels: UInt8[np.ndarray, "n 3 size size"]) -> None:
    file.write(np.ascontiguousarray(pixels).data)


def describe(path: Path, images: int, skipped: tuple[Skipped, ...], fingerprint: str) -> None:
    """Write down what a file holds, which makes it whole."""
    from nachash.records import to_json

    about = {"images": images, "skipped": skipped, "fingerprint": fingerprint}
    _about(path).write_text(to_json(about), encoding="utf-8")


def _about(path: Path) -> Path:
    return path.with_suffix(".json")


def _forget_others(folder: Path) -> None:
    """Only the file that was used last is kept beside a new one."""
    files = sorted(folder.glob("*.npy"), key=lambda path: path.stat().st_mtime)
    for path in files[:-1]:
        path.unlink(missing_ok=True)
        _about(path).unlink(missing_ok=True)
