"""Names of archive members, which nobody has to trust."""

import posixpath
import re
from typing import Final

from nachash.errors import ImageError
from nachash.images.limits import ARCHIVE_RATIO, archive_ratio

_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def check_ratio(size: int, packed: int) -> None:
    """Refuse what expands too far to be a picture, or a collection of pictures.

    Raises:
        ImageError: it does.
    """
    ratio, allowed = size / max(packed, 1), archive_ratio()
    if ratio > allowed:
        raise ImageError(f"expands {ratio:.0f}-fold, above the {allowed:g} of ${ARCHIVE_RATIO}")


def is_hidden(path: str) -> bool:
    """Whether a file or a folder above it begins with a dot."""
    return any(part.startswith(".") and part != ".." for part in path.split("/"))


def leads_outside(path: str) -> str:
    """What is wrong with a name that leads out of its archive; empty for one that does not.

    Members are never extracted, but their names become paths in an index.
    """
    if posixpath.isabs(path) or _DRIVE.match(path):
        return "an absolute path in the archive"
    return "a path that leads out of the archive" if ".." in path.split("/") else ""
