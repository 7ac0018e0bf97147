"""Settings of `nachash train` by name: one file per published experiment, and its small twin.

A file begins with a comment that says what it is, the commands around it, and the figure that
the poster gives; its keys are the options of `nachash train`, in their spelling.
"""

import tomllib
from collections.abc import Set as AbstractSet
from importlib import resources
from pathlib import Path
from typing import Any

from nachash.errors import UsageError
from nachash.near_word import did_you_mean


def names() -> list[str]:
    """The recipes that nachash brings, sorted."""
    files = resources.files(__name__).iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def read(name: str, options: AbstractSet[str]) -> dict[str, Any]:
    """The settings of a recipe, or of a file of that form; keys with underscores.

    Args:
        name: one of `names()`, or a path that ends with .toml.
        options: the options that may stand in it, with underscores.

    Raises:
        UsageError: no such recipe, no TOML, or an unknown option.
    """
    try:
        values = tomllib.loads(_text(name))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} is not valid TOML: {error}") from error
    found = {key.replace("-", "_"): value for key, value in values.items()}
    for key in found:
        if key not in options:
            raise UsageError(
                f"the recipe {name} has '{key}', which is not an option of `nachash train`",
                did_you_mean(key, options, "nachash train --help").replace("_", "-"),
            )
    return found


def _text(name: str) -> str:
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise UsageError(f"there is no recipe {path}", f"--recipe {'|'.join(names())}")
        return path.read_text(encoding="utf-8")
    if name not in names():
        raise UsageError(
            f"'{name}' is not one of the recipes: {', '.join(names())}",
            did_you_mean(name, names(), "--recipe FILE.toml"),
        )
    return resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
