"""What a user named, as a source of images."""

import io
import os
import re
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from nachash.errors import MissingError, NoImagesError, UsageError
from nachash.images.decoding import formats
from nachash.images.decoding.formats import SIGNATURE_BYTES, has_image_signature, has_image_suffix
from nachash.images.sources import files, folder, path_list, regular_file
from nachash.images.sources.regular_file import beginning, trouble
from nachash.images.sources.selection import FileSource
from nachash.records import Source

_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HINT = "name a folder of images, an image, a .tar or .zip, a list of paths, or - for stdin"


def source(location: str, stdin: Iterable[str], exclude: Sequence[str] = ()) -> FileSource:
    """The images at a location, at least one of which can be read.

    A folder with all below it; a tar or zip archive; several tar archives, as in
    `train-{000..012}.tar`; one image; any other file is a list of paths, relative to the list's
    folder; `-` is such a list from `stdin`, relative to the current folder; a URL is any of these
    elsewhere. `exclude`: patterns of names that are left out of a folder, see `folder.source`.

    Raises:
        MissingError: there is nothing at the location.
        NoImagesError: there is, but no image in it.
        UsageError: it is a pipe, a socket, or a file of another kind.
        DamagedError: an archive that is cut off.
    """
    images = _by_kind(location, stdin, exclude)
    if not images.references:
        raise _no_images(location, images)
    return images


def _by_kind(location: str, stdin: Iterable[str], exclude: Sequence[str]) -> FileSource:
    if location.lower().startswith("file://"):
        from urllib.request import url2pathname

        location = url2pathname(urlsplit(location).path)
    if "://" in location:
        from nachash.images.sources import remote

        return remote.source(location)
    if location == "-":
        return _list(_lines(stdin), os.curdir)
    if "{" in location and not Path(location).exists():
        from nachash.images.sources import shards

        if shards.is_pattern(location):
            return shards.source(location)
    mode = _mode(location)
    if stat.S_ISDIR(mode):
        return folder.source(location, exclude)
    if unusual := regular_file.kind(mode):
        raise UsageError(f"{location} is {unusual}, neither a folder nor a regular file", _HINT)
    return _of_file(location)


def _of_file(location: str) -> FileSource:
    if form := formats.unread(location):
        raise NoImagesError(f"{location} is {form}, a format that is not read", "convert it first")
    if _is_image(location):
        return files.source(str(Path(location).parent), [Path(location).name])
    return _archive_or_list(location)


def _archive_or_list(location: str) -> FileSource:
    from nachash.images.sources import tar, zip_archive

    if location.lower().endswith(tar.SUFFIXES) or tar.is_tar(location):
        return tar.source(location)
    if location.lower().endswith(".zip") or zip_archive.is_zip(location):
        return zip_archive.source(location)
    return _list(path_list.lines_of(location), str(Path(location).parent))


def _list(lines: Iterable[str], root: str) -> FileSource:
    """The files, or the pictures at the URLs, that a list names."""
    lines = [*lines]
    if not any(_URL.match(line) for line in lines):
        return path_list.source(lines, root)
    from nachash.images.sources import remote

    return remote.listed([line.strip() for line in lines if line.strip()])


def _mode(location: str) -> int:
    try:
        return os.stat(location).st_mode  # noqa: PTH116 (pathlib hides why it fails)
    except FileNotFoundError as error:
        raise MissingError(f"there is nothing at {location}", _HINT) from error
    except (OSError, ValueError) as error:
        raise MissingError(f"{location} cannot be read: {trouble(error)}", _HINT) from error


def _lines(stdin: Iterable[str]) -> Iterable[str]:
    """The paths on stdin, by the bytes that came."""
    if isinstance(stdin, io.TextIOWrapper):
        return path_list.paths_in(stdin.buffer.read(), "the list on stdin")
    return stdin


def _is_image(location: str) -> bool:
    return has_image_suffix(location) or has_image_signature(beginning(location, SIGNATURE_BYTES))


def _no_images(location: str, images: Source) -> NoImagesError:
    where = "the list on stdin" if location == "-" else location
    if images.skipped:
        first = images.skipped[0]
        return NoImagesError(
            f"no image in {where} can be read: {len(images.skipped)} were skipped, "
            f"the first is {first.path} ({first.reason})",
            _HINT,
        )
    if (
        location != "-"
        and "://" not in location
        and Path(location).is_dir()
        and not any(Path(location).iterdir())
    ):
        return NoImagesError(f"{where} is empty", _HINT)
    return NoImagesError(f"there is no image in {where}", _HINT)
