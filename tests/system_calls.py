"""System calls of this process that fail, or after which nothing reaches the disk any more.

For tests of what writes files: run a verb once to count its calls, then once for each of them with
`failing` or `dying`, and look at what is there. Only calls that concern a folder count. Reading
is left out where a process dies, as it leaves nothing behind.
"""

import contextlib
import errno
import fcntl
import gc
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

WRITING = (
    (io, "open"),
    (os, "open"),
    (os, "pwrite"),
    (os, "fsync"),
    (os, "ftruncate"),
    (os, "posix_fallocate"),
    (os, "link"),
    (os, "unlink"),
    (os, "rename"),
    (os, "replace"),
    (os, "chmod"),
)
READING = ((os, "pread"), (os, "preadv"), (os, "fstat"), (fcntl, "fcntl"), (fcntl, "flock"))
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.ESTALE)


class Killed(BaseException):
    """Stands for SIGKILL: raised by every call from the fatal one on, so that none has effect."""


@contextlib.contextmanager
def counted(folder: Path, *, reading: bool = True) -> Iterator[list[str]]:
    """The names of the calls that were made inside, in order."""
    with _watched(folder, reading, lambda _number, call: call()) as names:
        yield names


@contextlib.contextmanager
def failing(folder: Path, at: int, number: int) -> Iterator[list[str]]:
    """One call, counted from 0, fails with that errno, and has no effect."""

    def act(current: int, call: Callable[[], Any]) -> Any:
        if current == at:
            raise OSError(number, os.strerror(number))
        return call()

    with _watched(folder, True, act) as names:
        yield names


@contextlib.contextmanager
def dying(folder: Path, at: int, *, halfway: bool = False) -> Iterator[None]:
    """The process dies before a call that writes, or when half of the bytes are written."""

    def act(current: int, call: Callable[..., Any]) -> Any:
        if current < at:
            return call()
        if current == at and halfway:
            call(half=True)
        raise Killed

    with contextlib.suppress(Killed), _watched(folder, False, act):
        yield
    gc.collect()
    for entry in list(Path("/proc/self/fd").iterdir()):  # a dead process has no open files
        with contextlib.suppress(OSError):
            if str(folder) in str(entry.readlink()):
                os.close(int(entry.name))


@contextlib.contextmanager
def _watched(
    folder: Path, reading: bool, act: Callable[[int, Callable[..., Any]], Any]
) -> Iterator[list[str]]:
    names: list[str] = []
    calls = WRITING + READING if reading else WRITING
    with contextlib.ExitStack() as patches:
        for module, name in calls:
            real = getattr(module, name)
            wrapped = _wrapped(folder, name, real, names, act)
            patches.enter_context(mock.patch.object(module, name, wrapped))
        yield names


def _wrapped(
    folder: Path,
    name: str,
    real: Callable[..., Any],
    names: list[str],
    act: Callable[[int, Callable[..., Any]], Any],
) -> Callable[..., Any]:
    def call(first: Any, *rest: Any, **more: Any) -> Any:
        if not _is_below(first, folder) or (real is io.open and _only_reads(rest, more)):
            return real(first, *rest, **more)

        def made(half: bool = False) -> Any:
            if not half:
                return real(first, *rest, **more)
            if name == "pwrite":
                return real(first, bytes(rest[0])[: len(rest[0]) // 2], *rest[1:])
            return None

        names.append(name)
        return act(len(names) - 1, made)

    return call


def _only_reads(rest: tuple[Any, ...], more: dict[str, Any]) -> bool:
    mode = rest[0] if rest else more.get("mode", "r")
    return not set(mode) & set("wxa+")


def _is_below(first: Any, folder: Path) -> bool:
    try:
        path = Path(f"/proc/self/fd/{first}").readlink() if isinstance(first, int) else first
        return str(folder) in os.fsdecode(path)
    except (OSError, TypeError):
        return False
