"""What the settings files say for the command that was typed, as defaults of its options."""

import typing
from collections.abc import Sequence
from functools import partial
from typing import Any

import typer

from nachash import plugins
from nachash.cli import _terminal as terminal
from nachash.settings import Option, SetBy, settings


def defaults(program: Any, arguments: Sequence[str]) -> dict[str, Any]:
    """Defaults as typer takes them, a table in a table for a command in a group.

    Raises:
        UsageError: a settings file cannot be read, or says what it may not say.
    """
    parts = arguments[: 2 if arguments and arguments[0] in plugins.groups("cli") else 1]
    command = program
    for part in parts:
        command = getattr(command, "commands", {}).get(part)
    if command is None or hasattr(command, "commands"):
        return {}
    read = settings(".".join(parts), partial(options, parts, command), commands)
    for sentence in read.told:
        terminal.note(sentence)
    values: dict[str, Any] = read.values
    for part in reversed(parts):
        values = {part: values}
    return values


def commands() -> set[str]:
    """The names of all commands; that of a command in a group is `index.add`."""
    return set(plugins.names("cli")).union(
        f"{group}.{name}"
        for group in plugins.groups("cli")
        for name in plugins.names(f"cli.{group.replace('-', '_')}")
    )


def options(parts: Sequence[str], command: Any) -> dict[str, Option]:
    """The options of a command in the spelling of their flags, and who may set each.

    One whose declaration does not say who is the owner's.
    """
    folder = ".".join(("cli", *(part.replace("-", "_") for part in parts[:-1])))
    declared = typing.get_type_hints(plugins.load(folder, parts[-1]).command, include_extras=True)
    found = {}
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.name in declared:
            said = getattr(declared[parameter.name], "__metadata__", ())
            set_by = next((each for each in said if isinstance(each, SetBy)), SetBy.OWNER)
            key = parameter.opts[0].lstrip("-").replace("-", "_")
            found[key] = Option(parameter.name, set_by, partial(_fit, parameter))
    return found


def _fit(parameter: Any, value: Any) -> None:
    """Refuse a value that is not of an option's type.

    Raises:
        ValueError: it is not.
    """
    if parameter.multiple and not isinstance(value, list):
        raise ValueError("it is a list, in brackets")
    kind = "flag" if parameter.is_flag else parameter.type.name
    for each in value if parameter.multiple else [value]:
        if wrong := _wrong(kind, each):
            raise ValueError(wrong)
    try:
        parameter.type_cast_value(None, value)
    except typer.BadParameter as error:
        raise ValueError(error.message.rstrip(".")) from error


def _wrong(kind: str, value: Any) -> str:
    """What TOML's types tell that typer's conversion would let pass."""
    if kind == "flag":
        return "" if isinstance(value, bool) else "it is true or false"
    if isinstance(value, str):
        return "it has a zero byte" if "\0" in value else ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "it is a text or a number"
    if kind == "path":
        return "it is a path, in quotation marks"
    whole = isinstance(value, int) or not kind.startswith("int")
    return "" if whole else f"{value} is not a whole number"
