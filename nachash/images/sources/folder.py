"""A folder of images with all folders below it."""

import fnmatch
import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, final

from nachash.images.decoding.formats import (
    SIGNATURE_BYTES,
    has_image_signature,
    has_image_suffix,
    unread,
)
from nachash.images.sources.files import Files, gathered, listed
from nachash.images.sources.regular_file import beginning, kind, trouble
from nachash.records import Reference, Skipped

# Copies that systems make for themselves, and what was thrown away.
MOVED_HERE: Final = "nachash-moved.csv"  # the table in a folder that `dedup` moved surplus to
EXCLUDED: Final = (
    "@eaDir",
    "#recycle",
    "#snapshot",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    "__MACOSX",
)


def source(root: str, exclude: Sequence[str] = ()) -> Files:
    """A source of every image below a folder, ordered by path.

    A file counts as an image when its suffix or, failing that, its first bytes say so; names
    that begin with a dot are left out, files and folders alike, and so are those that a pattern
    of `exclude` or `EXCLUDED` fits, by name or by path, and folders below that hold what `dedup`
    has moved away; these stand in `excluded`. A folder that is reached twice, by a link or in a
    loop, is listed once, under its own place where it has one below the root. Pipes, sockets,
    devices, links to nothing and what cannot be read stand in `skipped`.
    """
    entries: list[Reference | Skipped] = []
    unwanted = _Unwanted((*EXCLUDED, *exclude))
    places, links = deque([""]), deque[str]()
    seen: set[tuple[int, int]] = set()
    while places or links:  # links wait until every real folder has been seen
        place = (places or links).popleft()
        try:
            with os.scandir(_join(root, place)) as scanned:
                identity = _identity(_join(root, place))
                found = [] if identity in seen else sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            entries.append(Skipped(place or ".", f"folder: {trouble(error)}"))
            continue
        seen.add(identity)
        if place and any(entry.name == MOVED_HERE for entry in found):
            unwanted.found.append(place)
            continue
        wanted = [entry for entry in found if not unwanted.fits(_path(place, entry))]
        entries += _images(root, place, wanted, places, links)
    listed = gathered(root, sorted(entries, key=lambda entry: entry.path))
    return replace(listed, excluded=tuple(sorted(unwanted.found)))


@final
class _Unwanted:
    """Names that are left out; remembers which of them there were."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._fitting = re.compile("|".join(map(fnmatch.translate, patterns)))
        self.found: list[str] = []

    def fits(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        fitting = bool(self._fitting.match(name) or self._fitting.match(path))
        if fitting and not name.startswith("."):
            self.found.append(path)
        return fitting


def _path(place: str, entry: "os.DirEntry[str]") -> str:
    return f"{place}/{entry.name}" if place else entry.name


def _images(
    root: str,
    place: str,
    found: "Sequence[os.DirEntry[str]]",
    places: deque[str],
    links: deque[str],
) -> Iterator[Reference | Skipped]:
    """Images directly in a folder; folders in it are appended to `places` or `links`."""
    for entry in found:
        path = _path(place, entry)
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            (links if entry.is_symlink() else places).append(path)
        elif (image := _image(root, path, entry)) is not None:
            yield image


def _image(root: str, path: str, entry: "os.DirEntry[str]") -> Reference | Skipped | None:
    """A file as an image, as one that cannot be read, or None where it is something else."""
    try:
        status = entry.stat()
    except OSError as error:
        return Skipped(path, _why_no_status(entry, error))
    if unusual := kind(status.st_mode):
        return Skipped(path, unusual)
    if form := unread(entry.name):
        return Skipped(path, f"{form}, a format that is not read")
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


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116 (names need not be valid text)
    return status.st_dev, status.st_ino


def _join(root: str, place: str) -> str:
    return os.path.join(root, place) if place else root  # noqa: PTH118
