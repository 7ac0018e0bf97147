"""A text of paths, one a line: a file, or what another program writes into our stdin."""

import functools
import os
from collections.abc import Callable, Iterable

from nachash.errors import MissingError, UsageError
from nachash.images.sources.files import Files
from nachash.images.sources.files import source as files
from nachash.images.sources.regular_file import trouble
from nachash.images.sources.root import names_below


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


def _relative(path: str, places_of: Callable[[str], tuple[str, ...]]) -> str:
    if os.path.isabs(path):  # noqa: PTH117
        folder, name = os.path.split(path)
        places = places_of(folder)
        path = os.path.normpath(os.path.join(places[0], name)) if places else path  # noqa: PTH118
    return path.replace(os.sep, "/").removeprefix("./")
