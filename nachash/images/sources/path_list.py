"""A text of paths, one a line: a file, or what another program writes into our stdin."""

import functools
import os
from collections.abc import Callable, Iterable

from nachash.errors import MissingError, UsageError
from nachash.images.sources.files import Files
from nachash.images.sources.files import source as files
from nachash.images.sources.regular_file import trouble
from nachash.images.sources.root import names_below
from nachash.images.sources.text import decoded


def source(lines: Iterable[str], root: str) -> Files:
    """A source of the files that `lines` name, in their order, each once.

    Relative paths are relative to `root`; absolute ones below it become relative, others stay as
    they are. Empty lines are passed over; a path where no image can be stands in `skipped`.
    """
    paths = (line.rstrip("\r\n") for line in lines)
    places_of = functools.lru_cache(1024)(functools.partial(names_below, root))
    below = (_relative(path, places_of) for path in paths if path.strip())
    return files(root, dict.fromkeys(below))


def lines_of(location: str) -> list[str]:
    """The paths in a text file, as `paths_in` finds them.

    Raises:
        MissingError: the file cannot be read.
        UsageError: it is not a text.
    """
    try:
        with open(location, "rb") as text:  # noqa: PTH123
            content = text.read()
    except OSError as error:
        raise MissingError(f"{location} cannot be read: {trouble(error)}") from error
    return paths_in(content, location)


def paths_in(content: bytes, name: str) -> list[str]:
    """The paths in a text: a line each, or each ended by a zero byte, as `find -print0` writes.

    Only a line feed ends a line, since names may hold every other separator.

    Raises:
        UsageError: it is neither.
    """
    text = decoded(content)
    if "\0" not in text:
        return [line.removesuffix("\r") for line in text.split("\n")]
    if not text.endswith("\0") or text.startswith("\0") or "\0\0" in text:
        raise UsageError(
            f"{name} is neither an image nor an archive nor a text with a path on each line",
            "name a folder of images, an image, a .tar or .zip, a list of paths, or - for stdin",
        )
    return text.split("\0")


def _relative(path: str, places_of: Callable[[str], tuple[str, ...]]) -> str:
    if os.path.isabs(path):  # noqa: PTH117
        folder, name = os.path.split(path)
        places = places_of(folder)
        path = os.path.normpath(os.path.join(places[0], name)) if places else path  # noqa: PTH118
    return path.replace(os.sep, "/").removeprefix("./")
