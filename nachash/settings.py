"""Defaults from a TOML file: `nachash.toml` -> checked values; flags and environment win.

A table per command, a key per option in the spelling of its flag:

    [train]
    bits = 128
    batch-size = 256

    [index.add]
    workers = 2
"""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nachash.errors import UsageError

FILE_NAME = "nachash.toml"


def read(path: Path, known: Mapping[str, set[str]]) -> dict[str, dict[str, Any]]:
    """Tables of a settings file, keys with underscores; empty when there is no such file.

    Args:
        path: the TOML file.
        known: for every command, the option names (with underscores) that it takes; a command of
            a group is named with a dot, `index.add`.

    Raises:
        UsageError: for a file that is not TOML, an unknown command or an unknown key.
    """
    if not path.exists():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    return _commands(path, tables, known)


def _commands(
    path: Path, tables: Mapping[str, Any], known: Mapping[str, set[str]]
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
    path: Path, command: str, table: object, known: Mapping[str, set[str]]
) -> dict[str, Any]:
    if command not in known or not isinstance(table, dict):
        raise UsageError(f"{path}: [{command}] is not a command", _closest(command, set(known)))
    values = {key.replace("-", "_"): value for key, value in table.items()}
    for key in values:
        if key not in known[command]:
            spelled = {name.replace("_", "-") for name in known[command]}
            raise UsageError(
                f"{path}: '{key.replace('_', '-')}' is not an option of `nachash {command}`",
                _closest(key.replace("_", "-"), spelled),
            )
    return values


def _closest(word: str, known: set[str]) -> str:
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(sorted(known))}"
