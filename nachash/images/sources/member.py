"""Names of archive members, which nobody has to trust."""

import posixpath
import re
from typing import Final

_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]|\\\\")


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
