"""Features that were computed once, in the user's cache folder; what is not used for long goes."""

import contextlib
import json
import os
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from nachash.complete_file import complete_file
from nachash.errors import StorageError
from nachash.own_folders import cache_folder
from nachash.records import Skipped

_MOST_BYTES: Final = 4 << 30


@dataclass(frozen=True, slots=True)
class Cached:
    """Features [views, n, features] and the images that could not be read."""

    features: "np.ndarray[Any, np.dtype[np.float16]]"
    skipped: tuple[Skipped, ...]


def file(name: str) -> Path | None:
    """Where the features of that name are kept; None where nothing can be."""
    folder = cache_folder("features")
    return folder / f"{name}.npz" if folder else None


def read(path: Path | None) -> Cached | None:
    """The features in a file; None when there is none, or not a whole one."""
    if path is None:
        return None
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            skipped = json.loads(str(arrays["skipped"]))
            features = arrays["features"]
        os.utime(path)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Cached(features, tuple(Skipped(**image) for image in skipped))


def write(path: Path | None, found: Cached) -> None:
    """Keep features for the next run; a cache that cannot be written is no reason to stop."""
    if path is None:
        return
    skipped = json.dumps([asdict(image) for image in found.skipped])
    with contextlib.suppress(OSError, StorageError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with complete_file(path) as opened:
            np.savez(opened, features=found.features, skipped=np.array(skipped))
        _forget_oldest(path.parent)


def _forget_oldest(folder: Path) -> None:
    """Remove what was not used for longest, until the rest takes at most 4 GiB."""
    files = sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime)
    excess = sum(path.stat().st_size for path in files) - _MOST_BYTES
    for path in files[:-1]:
        if excess <= 0:
            break
        excess -= path.stat().st_size
        path.unlink(missing_ok=True)
