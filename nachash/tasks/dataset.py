"""Data sets by name: found on disk, downloaded when asked for by name, opened as a source."""

from pathlib import Path

import numpy as np

from nachash import plugins
from nachash.datasets import Archive, DataSet, default_root
from nachash.errors import MissingError
from nachash.images.sources import arrays, files
from nachash.records import Source
from nachash.shapes import Int64


def loaded_dataset(name: str, root: Path | None) -> DataSet:
    """A data set from its folder; downloaded first where it is missing and can be had.

    Raises:
        UsageError: no data set has that name.
        MissingError: it is not there and cannot be downloaded; says which paths were expected.
    """
    plugin = plugins.load("datasets", name)
    try:
        return plugin.load(root=root)
    except MissingError as missing:
        if root is not None or not plugin.ARCHIVES:
            raise
        for archive in plugin.ARCHIVES:
            _download(name, archive, missing)
        return plugin.load(root=None)


def source_of(dataset: DataSet, positions: Int64[np.ndarray, "n"]) -> Source:
    """The images at some positions of a data set, in that order."""
    paths = [dataset.paths[position] for position in positions]
    if dataset.pixels is not None:
        return arrays.source(dataset.pixels[positions], paths)
    return files.source(dataset.root, paths)


def _download(name: str, archive: Archive, missing: MissingError) -> None:
    """Fetch and unpack one file with torchvision, which checks its MD5 sum."""
    from torchvision.datasets.utils import download_and_extract_archive

    folder = default_root(name) / archive.folder
    try:
        download_and_extract_archive(archive.url, str(folder), md5=archive.md5)
    except (OSError, RuntimeError) as error:
        raise MissingError(
            f"{missing.sentence}; and {archive.url} cannot be downloaded ({error})", missing.hint
        ) from error
