"""Settings of a method, as its constructor annotates them: which there are, and of what type."""

import inspect
from collections.abc import Mapping
from types import ModuleType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from nachash.errors import UsageError


def checked(plugin: ModuleType, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that the method's constructor takes; whole numbers for its real ones, too.

    Args:
        plugin: the method's module.
        name: the method's name.
        given: the settings.

    Raises:
        UsageError: the method has no such setting, or wants another type of value.
    """
    known = settings_of(plugin)
    for setting, value in given.items():
        if setting not in known:
            raise UsageError(
                f"the method {name} has no setting '{setting}'",
                f"it has: {', '.join(known)}" if known else "it has none",
            )
        if not _fits(value, known[setting]):
            raise UsageError(
                f"'{value}' is not a value of {setting}, a setting of {name}",
                f"--set {setting}={' or '.join(_words(known[setting]))}",
            )
    return {
        setting: float(value) if _is_real(value, known[setting]) else value
        for setting, value in given.items()
    }


def settings_of(plugin: ModuleType) -> dict[str, Any]:
    """Names and types of a method's settings: the keyword-only arguments of its constructor."""
    parameters = inspect.signature(plugin.method).parameters.values()
    types = get_type_hints(plugin.method)
    return {
        parameter.name: types[parameter.name]
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY
    }


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _fits(value: Any, annotation: Any) -> bool:
    return any(_is(value, one) for one in _alternatives(annotation))


def _is(value: Any, wanted: Any) -> bool:
    if get_origin(wanted) is Literal:
        return value in get_args(wanted)
    if wanted is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, wanted)


def _is_real(value: Any, annotation: Any) -> bool:
    """Whether a whole number stands for a real one."""
    alternatives = _alternatives(annotation)
    return type(value) is int and float in alternatives and int not in alternatives


def _words(annotation: Any) -> list[str]:
    names = {float: "NUMBER", int: "COUNT", bool: "true|false", str: "TEXT"}
    return [
        "|".join(get_args(one)) if get_origin(one) is Literal else names.get(one, "VALUE")
        for one in _alternatives(annotation)
    ]
