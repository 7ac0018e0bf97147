"""Data sets by name: one file each, readable from its official layout and from an ImageFolder.

A data set says which images it has (as paths below a root, or as pixels), their labels, and its
published protocols: functions from a seed to a `Split`, drawn with numpy's PCG64 generator, each
with its rule in words. Everything is relative to a local copy; nothing here downloads.

To add a data set: one file that ends with `load(*, root=None) -> DataSet`; where the whole of it
can be fetched, a constant `ARCHIVES` names the files; `CLASSIFICATION` names the protocol whose
gallery is learned from and whose queries test in linear classification (None: several labels).
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nachash.errors import MissingError
from nachash.own_folders import platform_folder
from nachash.records import Labels, Split
from nachash.shapes import UInt8


@dataclass(frozen=True, slots=True)
class Archive:
    """A file to fetch and unpack into the data set's root, or into a folder below it."""

    url: str
    md5: str
    bytes: int
    folder: str = ""


@dataclass(frozen=True, slots=True)
class DataSet:
    """Images with labels and protocols; position n is path n, label row n, pixels n.

    Either the images are files, `paths` relative to `root`, or `pixels` holds them and `paths`
    are only names. `augment` names the recipe of views that suits them.
    """

    name: str
    root: str
    paths: tuple[str, ...]
    labels: Labels
    pixels: "UInt8[np.ndarray, 'n height width 3'] | None"
    protocols: Mapping[str, Callable[[int], Split]]
    default_protocol: str
    augment: str


def default_root(name: str) -> Path:
    """Where a data set is looked for: `$NACHASH_DATA/NAME`, else in the user's cache folder.

    Raises:
        MissingError: there is neither.
    """
    if chosen := os.environ.get("NACHASH_DATA"):
        return Path(chosen) / name
    place = platform_folder("cache")
    if place is None:
        raise MissingError(
            f"there is no place to look for {name}: the user has no home",
            "name its folder with --data-root, or set NACHASH_DATA=FOLDER",
        )
    return place / "datasets" / name
