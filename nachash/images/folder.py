"""A folder of images with all folders below it."""

import os
from collections import deque

from nachash.images.files import Files, gathered, listed
from nachash.images.formats import SIGNATURE_BYTES, has_image_signature, has_image_suffix
from nachash.images.regular_file import beginning, kind, trouble
from nachash.records import Reference, Skipped


def source(root: str) -> Files:
    """A source of every image below a folder, ordered by path.

    A file counts as an image when its suffix or, failing that, its first bytes say so; names
    that begin with a dot are left out, files and folders alike. A folder that is reached twice,
    by a link or in a loop, is listed once, under its own place where it has one below the root.
    Pipes, sockets, devices, links to nothing and what cannot be read stand in `skipped`.
    """
    entries: list[Reference | Skipped] = []
    places, links = deque([""]), deque[str]()
    seen: set[tuple[int, int]] = set()
    while places or links:  # links wait until every real folder has been seen
        place = (places or links).popleft()
        identity = _identity(root, place)
        if identity not in seen:
            seen.add(identity)
            entries += _list(root, place, places, links)
    return gathered(root, sorted(entries, key=lambda entry: entry.path))


def _list(
    root: str, place: str, places: deque[str], links: deque[str]
) -> list[Reference | Skipped]:
    """Images directly in a folder; folders in it are appended to `places` or `links`."""
    images: list[Reference | Skipped] = []
    try:
        names = sorted(os.scandir(_join(root, place)), key=lambda entry: entry.name)
    except OSError as error:
        return [Skipped(place or ".", f"folder: {trouble(error)}")]
    for entry in names:
        path = f"{place}/{entry.name}" if place else entry.name
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            (links if entry.is_symlink() else places).append(path)
        elif (image := _image(root, path, entry)) is not None:
            images.append(image)
    return images


def _image(root: str, path: str, entry: "os.DirEntry[str]") -> Reference | Skipped | None:
    """A file as an image, as one that cannot be read, or None where it is something else."""
    try:
        status = entry.stat()
    except OSError as error:
        return Skipped(path, _why_no_status(entry, error))
    if unusual := kind(status.st_mode):
        return Skipped(path, unusual)
    if has_image_suffix(entry.name) or has_image_signature(beginning(entry.path, SIGNATURE_BYTES)):
        return listed(root, path)
    return None


def _why_no_status(entry: "os.DirEntry[str]", error: OSError) -> str:
    if entry.is_symlink() and isinstance(error, FileNotFoundError):
        return "a link to nothing"
    return trouble(error)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def _identity(root: str, place: str) -> tuple[int, int]:
    status = os.stat(_join(root, place))  # noqa: PTH116 (names need not be valid text)
    return status.st_dev, status.st_ino


def _join(root: str, place: str) -> str:
    return os.path.join(root, place) if place else root  # noqa: PTH118
