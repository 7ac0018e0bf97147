"""A path as it is shown: so that a program started here can open it."""

import os
from pathlib import Path


def shown(root: str, path: str) -> str:
    """An image below a root: relative to the current directory where it lies below that.

    Below a URL it is a URL.
    """
    if "://" in root:
        return f"{root}/{path}"
    full, here = str(Path(root, path)), os.getcwd().rstrip(os.sep) + os.sep  # noqa: PTH109 (speed)
    return full.removeprefix(here)
