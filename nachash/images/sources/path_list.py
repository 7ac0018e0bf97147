"""A text of paths, one a line: a file, or what another program writes into our stdin."""

import os
from collections.abc import Iterable

from nachash.errors import MissingError, UsageError
from nachash.images.sources.files import Files
from nachash.images.sources.files import source as files
from nachash.images.sources.regular_file import trouble


def source(lines: Iterable[str], root: str) -> Files:
    """A source of the files that `lines` name, in their order, each once.

    Relative paths are relative to `root`; absolute ones below it become relative, others stay as
    they are. Empty lines are passed over; a path where no image can be stands in `skipped`.
    """
    paths = (line.rstrip("\r\n") for line in lines)
    below = (_relative(path, root) for path in paths if path.strip())
    return files(root, dict.fromkeys(below))


def lines_of(location: str) -> list[str]:
    """The lines of a text file; bytes that are not UTF-8 are kept by surrogate escapes.

    Raises:
        MissingError: the file cannot be read.
        UsageError: it is not a text.
    """
    try:
        with open(location, encoding="utf-8", errors="surrogateescape") as text:  # noqa: PTH123
            content = text.read()
    except OSError as error:
        raise MissingError(f"{location} cannot be read: {trouble(error)}") from error
    if "\0" in content:
        raise UsageError(
            f"{location} is neither an image nor an archive nor a text with a path on each line",
            "name a folder of images, an image, a .tar or .zip, a list of paths, or - for stdin",
        )
    return content.splitlines()


def _relative(path: str, root: str) -> str:
    if os.path.isabs(path):  # noqa: PTH117
        absolute = os.path.abspath(root)  # noqa: PTH100
        if os.path.commonpath([path, absolute]) == absolute:
            path = os.path.relpath(path, absolute)
    return path.replace(os.sep, "/").removeprefix("./")
