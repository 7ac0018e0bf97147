"""Commands whose options are the fields of a dataclass of settings, and a few of their own."""

import dataclasses
import functools
import inspect
import os
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Annotated, Any

import typer

from nachash.options import UNSET, Argument, Flag
from nachash.settings import SetBy

Command = Callable[..., None]


def declared(
    kind: type | None = None,
    *,
    only: Collection[str] | None = None,
    callbacks: Mapping[str, Callable[..., Any]] = types.MappingProxyType({}),
) -> Callable[[Command], Command]:
    """A command that gets the settings that its options say, then its own options by name.

    Args:
        kind: the dataclass of settings; None for a command that has its own options alone.
        only: those of its fields that are options here.
        callbacks: typer's, by option.
    """

    def decorate(command: Command) -> Command:
        own = [_option(*each) for each in _parameters(command)][1 if kind else 0 :]
        named = (_option(*each) for each in _fields(kind) if only is None or each[0] in only)
        fields = [each for each in named if each.argument or each.flag]
        parameters = [
            parameter
            for option in [*fields, *own]
            for parameter in option.parameters(callbacks.get(option.name))
        ]

        @functools.wraps(command)
        def taken(**given: Any) -> None:
            values = {each.name: each.value(given) for each in own}
            if kind is None:
                command(**values)
            else:
                command(kind(**{each.name: each.value(given) for each in fields}), **values)

        described: Any = taken
        described.__signature__ = inspect.Signature(sorted(parameters, key=_has_default))
        described.__annotations__ = {each.name: each.annotation for each in parameters}
        return taken

    return decorate


@dataclasses.dataclass(frozen=True, slots=True)
class _Option:
    """A word of the command line: of a field or a parameter, with its type and default."""

    name: str
    kind: Any
    default: Any
    argument: Argument | None
    flag: Flag | None
    typed: tuple[Any, ...]  # what typer itself is told

    def parameters(self, callback: Callable[..., Any] | None) -> Iterator[inspect.Parameter]:
        """What typer is told: that of the place, that of the name."""
        if self.argument is not None:
            place = typer.Argument(
                help=self.argument.help,
                metavar=self.argument.metavar,
                show_default=self.argument.shown,
            )
            name = f"{self.name}_" if self.flag else self.name
            yield self._parameter(name, self.argument.default, place)
        if (flag := self.flag) is not None:
            option = typer.Option(
                *self._names(),
                help=flag.help,
                min=flag.least,
                max=flag.most,
                envvar=flag.environment,
                metavar=flag.metavar,
                show_default=flag.shown,
                callback=callback,
            )
            yield self._parameter(self.name, flag.default, option, flag.set_by)
        if self.typed:
            yield self._parameter(self.name, UNSET, *self.typed)

    def value(self, given: Mapping[str, Any]) -> Any:
        """What was typed, as the field or parameter wants it."""
        found = given[self.name]
        if self.argument is not None and self.flag is not None:
            found = given[f"{self.name}_"] or found
        if self.flag is not None and self.flag.parse is not None:
            return self.default if found is None else self._parsed(self.flag.parse, found)
        if typing.get_origin(self.kind) is tuple:
            return tuple(found) if found else self.default
        return found

    def _parsed(self, parse: Callable[[Any], Any], found: Any) -> Any:
        try:
            return parse(found)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint=self._names()[0]) from None

    def _names(self) -> tuple[str, ...]:
        return (self.flag and self.flag.names) or (f"--{self.name.replace('_', '-')}",)

    def _parameter(self, name: str, default: Any, *told: Any) -> inspect.Parameter:
        kind, usual = self.kind, self.default
        if self.flag is not None and self.flag.parse is not None:
            kind, usual = self.flag.kind, None
        if typing.get_origin(kind) is tuple:
            kind, usual = list[typing.get_args(kind)[0]], usual or None  # type: ignore[misc]
        default = usual if default is UNSET else default
        if default is None:
            kind = kind | None
        return inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=inspect.Parameter.empty if default is UNSET else default,
            annotation=Annotated[kind, *told],
        )


def _fields(kind: type | None) -> Iterator[tuple[str, Any, Any]]:
    """Name, type and default of each field of a dataclass."""
    for field in dataclasses.fields(kind) if kind else ():
        if field.default_factory is not dataclasses.MISSING:
            yield field.name, field.type, field.default_factory()
        else:
            missing = field.default is dataclasses.MISSING
            yield field.name, field.type, UNSET if missing else field.default


def _parameters(command: Command) -> Iterator[tuple[str, Any, Any]]:
    """The same of each parameter of a function."""
    for name, each in inspect.signature(command).parameters.items():
        yield name, each.annotation, UNSET if each.default is each.empty else each.default


def _option(name: str, annotation: Any, default: Any) -> _Option:
    told = getattr(annotation, "__metadata__", ())
    argument = next((each for each in told if isinstance(each, Argument)), None)
    flag = next((each for each in told if isinstance(each, Flag)), None)
    kind = typing.get_args(annotation)[0] if told else annotation
    return _Option(name, kind, default, argument, flag, () if argument or flag else told)


def _has_default(parameter: inspect.Parameter) -> bool:
    return parameter.default is not parameter.empty


def _debug(wanted: bool) -> bool:
    if wanted:
        os.environ["NACHASH_DEBUG"] = "1"
    return wanted


Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        envvar="NACHASH_DEBUG",
        callback=_debug,
        help="Show the full traceback of an error.",
    ),
    SetBy.OWNER,
]
