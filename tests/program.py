"""The program: in this process, which costs a test no start, or as a process of its own."""

import contextlib
import io
import os
import subprocess
import sys
import traceback
from dataclasses import dataclass
from unittest import mock

from nachash.cli._app import main


@dataclass(frozen=True)
class Finished:
    """What a command printed and its exit code."""

    code: int
    out: str
    err: str


def variables(**own):
    """The environment without the settings of nachash that the tests run under, and with these."""
    return {k: v for k, v in os.environ.items() if not k.startswith("NACHASH_")} | own


def called(arguments, cwd, stdin="", **environment):
    """What a command does in this process; what is printed goes into no terminal, as into pipes."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        contextlib.chdir(cwd),
        mock.patch.dict(os.environ, variables(**environment), clear=True),
        mock.patch.multiple(sys, argv=["nachash", *map(str, arguments)], stdin=_pipe(stdin)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = _ended()
    return Finished(code, *(each.buffer.getvalue().decode() for each in (out, err)))


def _pipe(text):
    return io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8")


def _ended():
    """The exit code that Python would give its process."""
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    except Exception:  # noqa: BLE001 - it is printed
        traceback.print_exc()
        return 1
    return 0


def started(arguments, cwd, **pipes):
    """A process of the program."""
    command = [sys.executable, "-m", "nachash", *map(str, arguments)]
    return subprocess.Popen(command, cwd=cwd, **pipes)


def run(arguments, cwd, stdin="", **environment):
    """What a process of the program does."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with started(arguments, cwd, env=variables(**environment), text=True, **pipes) as process:
        out, err = process.communicate(stdin)
    return Finished(process.returncode, out, err)
