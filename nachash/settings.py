"""Defaults from TOML files: `nachash.toml` -> checked values; flags and environment win.

A table per command, a key per option in the spelling of its flag:

    [train]
    bits = 128
    batch-size = 256

    [index.add]
    workers = 2

One file lies in the user's configuration folder, another may lie in the current folder and goes
before it. Whoever made the current folder may be a stranger: each option says who may give it
(`SetBy`), and one that does not say so is the user's alone.
"""

import enum
import os
import stat
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nachash.errors import UsageError
from nachash.near_word import did_you_mean

FILE_NAME: Final = "nachash.toml"
MAX_BYTES: Final = 1 << 16


class SetBy(enum.Enum):
    """Who may give an option a value, besides the command line and the environment."""

    ANYBODY = "a file in the current folder: it changes results or speed and nothing else"
    NEIGHBOUR = "a file in the current folder, with a path that does not lead out of there"
    OWNER = "only the user's own file: it writes, moves, listens, or loads from elsewhere"


@dataclass(frozen=True, slots=True)
class Option:
    """An option as a settings file gives it; `fitting` raises ValueError for a wrong value."""

    parameter: str
    set_by: SetBy
    fitting: Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """Values of one command by parameter, and a sentence for each file that gave any."""

    values: dict[str, Any]
    told: tuple[str, ...]


def settings(
    command: str,
    options: Callable[[], Mapping[str, Option]],
    commands: Callable[[], AbstractSet[str]],
) -> Settings:
    """What the user's own file and that in the current folder say for a command.

    Args:
        command: its name; that of a command in a group has a dot, `index.add`.
        options: its options, in the spelling of their flags with underscores; asked only where
            there is a file.
        commands: the names of all commands; asked only then.

    Raises:
        UsageError: a file cannot be read, or says what it may not say.
    """
    values: dict[str, Any] = {}
    told = []
    for path, owned in ((own_file(), True), (Path(FILE_NAME), False)):
        if path is None or not _is_there(path):
            continue
        known = options()
        table: Any = read(path, {**dict.fromkeys(commands()), command: known.keys()})
        for part in command.split("."):
            table = table.get(part, {})
        for key, value in table.items():
            _check(f"{path}: '{_spelled(key)}' of [{command}]", known[key], value, owned=owned)
            values[known[key].parameter] = value
        if table:
            told.append(f"settings: {path} ({', '.join(map(_spelled, table))})")
    return Settings(values, tuple(told))


def own_file() -> Path | None:
    """The settings file of the user, in $NACHASH_CONFIG or the platform's folder; None without."""
    folder = os.environ.get("NACHASH_CONFIG")
    place = Path(folder) if folder else _configuration_folder()
    return place / FILE_NAME if place.is_absolute() or folder else None


def _configuration_folder() -> Path:
    """The platform's folder, by platformdirs; on Linux without its import, which takes 10 ms."""
    if sys.platform != "linux":
        from platformdirs import user_config_path

        return user_config_path("nachash", appauthor=False)
    named = os.environ.get("XDG_CONFIG_HOME", "").strip()
    return Path(named or os.path.expanduser("~/.config"), "nachash")  # noqa: PTH111 (no error)


def read(path: Path, known: Mapping[str, AbstractSet[str] | None]) -> dict[str, dict[str, Any]]:
    """Tables of a settings file, keys with underscores; empty when there is no such file.

    Args:
        path: the TOML file.
        known: for every command, the option names (with underscores) that it takes, or None where
            they are not looked at; a command of a group is named with a dot, `index.add`.

    Raises:
        UsageError: for a file that cannot be read or is not TOML, an unknown command or key.
    """
    if not _is_there(path):
        return {}
    try:
        tables = tomllib.loads(_text(path).decode("utf-8"))
    except RecursionError as error:
        raise UsageError(f"{path} is not valid TOML: nested too deeply") from error
    except ValueError as error:  # also no UTF-8, and a number of too many digits
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    return _commands(path, tables, known)


def _is_there(path: Path) -> bool:
    """Whether a name leads to anything; not where a folder above it may not be entered."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def _text(path: Path) -> bytes:
    """The bytes of a regular file, read without waiting for another process."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"{path} is not a regular file", f"move {path} out of the way")
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(text) > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES // 1024} KiB, too large for settings")
    return text


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _commands(
    path: Path, tables: Mapping[str, Any], known: Mapping[str, AbstractSet[str] | None]
) -> dict[str, dict[str, Any]]:
    """The table of each command; that of a group holds a table for each of its commands."""
    found = {}
    for name, table in tables.items():
        inner = {
            command.removeprefix(f"{name}."): options
            for command, options in known.items()
            if command.startswith(f"{name}.")
        }
        group = inner and isinstance(table, dict)
        found[name] = _commands(path, table, inner) if group else _checked(path, name, table, known)
    return found


def _checked(
    path: Path, command: str, table: object, known: Mapping[str, AbstractSet[str] | None]
) -> dict[str, Any]:
    if command in known and not isinstance(table, dict):
        raise UsageError(f"{path}: '{command}' is not a table", f"[{command}]")
    if command not in known or not isinstance(table, dict):
        raise UsageError(f"{path}: [{command}] is not a command", _meant(command, known))
    values = {key.replace("-", "_"): value for key, value in table.items()}
    options = known[command]
    for key in values if options is not None else ():
        if key not in (options or ()):
            spelled = {_spelled(name) for name in options or ()}
            raise UsageError(
                f"{path}: '{_spelled(key)}' is not an option of `nachash {command}`",
                _meant(_spelled(key), spelled),
            )
    return values


def _check(what: str, option: Option, value: Any, *, owned: bool) -> None:
    """Refuse a value of a wrong type, or one that this file may not give.

    Raises:
        UsageError: see above.
    """
    try:
        option.fitting(value)
    except ValueError as error:
        raise UsageError(f"{what} does not fit: {error}") from error
    if owned or option.set_by is SetBy.ANYBODY:
        return
    if option.set_by is SetBy.NEIGHBOUR and _lies_here(value):
        return
    why = (
        "does not lie in this folder"
        if option.set_by is SetBy.NEIGHBOUR
        else "is not taken from a file in a folder, which anybody may have put there"
    )
    raise UsageError(f"{what} {why}", f"type it, or write it into {own_file() or 'your settings'}")


def _lies_here(path: str) -> bool:
    """Whether a path leads to a place below the current folder, links followed."""
    try:
        return Path(path).resolve().is_relative_to(Path.cwd())
    except (OSError, RuntimeError, ValueError):
        return False


def _spelled(name: str) -> str:
    return name.replace("_", "-")


def _meant(word: str, known: Iterable[str]) -> str:
    return did_you_mean(word, known, f"known: {', '.join(sorted(known))}")
