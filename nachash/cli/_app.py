"""The program: commands found by listing this folder, settings file, errors to exit codes."""

import functools
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from nachash import __version__, plugins
from nachash.cli import _settings, _terminal
from nachash.errors import NachashError, StorageError
from nachash.extras import missing_package

INTERRUPTED = 130


def main() -> None:
    """Run the command that `sys.argv` names and exit with its code."""
    # Spinning OpenMP threads take the cores from whatever else runs, our own threads included:
    # a training step beside another process was measured two to three times as fast without.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _terminal.show_log()
    _terminal.show_warnings()
    arguments = sys.argv[1:]
    program = typer.main.get_command(_application(_needed(arguments)))
    try:
        defaults = _settings.defaults(program, arguments)
    except NachashError as error:
        _terminal.show_error(error)
        sys.exit(error.exit_code)
    program.main(prog_name="nachash", default_map=defaults)


def _needed(arguments: Sequence[str]) -> list[str]:
    """The one command or group that was asked for, where nothing has to be known of the others.

    Loading all of them costs a search a tenth of its time. Their help and an unknown command need
    them all.
    """
    known = plugins.names("cli") + plugins.groups("cli")
    return [arguments[0]] if arguments and arguments[0] in known else known


def _application(names: Sequence[str]) -> typer.Typer:
    groups = plugins.groups("cli")
    application = _group("cli", [name for name in names if name not in groups])
    application.callback()(_nachash)
    for name in groups:
        if name in names:
            folder = f"cli.{name.replace('-', '_')}"
            help_ = (importlib.import_module(f"nachash.{folder}").__doc__ or "").partition("\n")[0]
            application.add_typer(_group(folder, plugins.names(folder)), name=name, help=help_)
    return application


def _group(folder: str, names: Sequence[str]) -> typer.Typer:
    """Some commands of a folder."""
    group = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
    for name in names:
        group.command(name)(_guarded(plugins.load(folder, name).command))
    return group


def _show_version(wanted: bool) -> bool:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit
    return wanted


def _nachash(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version."),
    ] = False,
) -> None:
    """Binary hashing and image retrieval with Neural Activation Coding."""


def _guarded(command: Callable[..., None]) -> Callable[..., None]:
    """The command with every failure turned into one sentence and an exit code."""

    @functools.wraps(command)
    def guarded(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except BaseException as error:
            if _debugging():
                raise
            raise typer.Exit(_exit_code(error)) from error

    return guarded


def _exit_code(error: BaseException) -> int:
    """Tell the user what happened and return the exit code for it (docs/exit-codes.md)."""
    match error:
        case NachashError():
            _terminal.show_error(error)
            return error.exit_code
        case KeyboardInterrupt():
            _terminal.note("interrupted")
            return INTERRUPTED
        case ImportError() if missing := missing_package(error):
            _terminal.show_error(missing)
            return missing.exit_code
        case BrokenPipeError():  # the reader has gone, as in `nachash search … | head -1`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        case OSError() if error.errno:  # what the system says of a file that nobody expected it of
            unnamed = error.filename is None
            where = "the output: " if unnamed else f"{os.fsdecode(error.filename)}: "
            _terminal.show_error(StorageError(f"{where}{os.strerror(error.errno)}"))
            return StorageError.exit_code
        case _:
            _terminal.show_unexpected(error)
            return 1


def _debugging() -> bool:
    return bool(os.environ.get("NACHASH_DEBUG"))
