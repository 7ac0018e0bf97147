"""Paths for the next program in a pipe, byte for byte."""

import os
from collections.abc import Iterable

from nachash.errors import UsageError


def lines(paths: Iterable[str], *, zeros: bool) -> list[bytes]:
    r"""Paths as `path\n`, or with `zeros` as `path\0`, which no path has inside.

    Bytes, because typer takes escape sequences out of a text that goes into a pipe.

    Raises:
        UsageError: a path has a line break, so that lines would not tell paths apart.
    """
    listed = list(paths)
    if zeros:
        return [os.fsencode(path) + b"\0" for path in listed]
    for path in listed:
        if "\n" in path:
            raise UsageError(
                f"{path} has a line break, so a line of the output would not be a path",
                "-0 ends each path with a zero byte, and --json quotes it",
            )
    return [os.fsencode(path) + b"\n" for path in listed]
