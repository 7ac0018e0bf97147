"""What a user named, as a source of images."""

import os
from collections.abc import Iterable
from pathlib import Path

from nachash.errors import MissingError, NoImagesError, UsageError
from nachash.images import files, folder, path_list, tar
from nachash.images.formats import SIGNATURE_BYTES, has_image_signature, has_image_suffix
from nachash.images.regular_file import beginning
from nachash.records import Source

_HINT = "name a folder of images, an image, a .tar, a list of paths, or - for stdin"
_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


def source(location: str, stdin: Iterable[str]) -> Source:
    """The images at a location, at least one of which can be read.

    A folder with all below it; a tar archive; one image; any other file is a list of paths,
    relative to the list's folder; `-` is such a list from `stdin`, relative to the current
    folder.

    Raises:
        MissingError: there is nothing at the location.
        NoImagesError: there is, but no image in it.
        UsageError: it is a pipe, a socket, or a file of another kind.
        DamagedError: a tar archive that is cut off.
    """
    images = _by_kind(location, stdin)
    if not images.references:
        raise _no_images(location, images)
    return images


def _by_kind(location: str, stdin: Iterable[str]) -> Source:
    if location == "-":
        return path_list.source(stdin, os.curdir)
    path = Path(location)
    if path.is_dir():
        return folder.source(location)
    if not path.exists():
        raise MissingError(f"there is nothing at {location}", _HINT)
    if not path.is_file():
        raise UsageError(f"{location} is neither a folder nor a regular file", _HINT)
    if _is_image(location):
        return files.source(str(path.parent), [path.name])
    if location.lower().endswith(_TAR_SUFFIXES) or tar.is_tar(location):
        return tar.source(location)
    return path_list.source(path_list.lines_of(location), str(path.parent))


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
    if location != "-" and Path(location).is_dir() and not any(Path(location).iterdir()):
        return NoImagesError(f"{where} is empty", _HINT)
    return NoImagesError(f"there is no image in {where}", _HINT)
