"""Packages that only some commands need: what to type where one of them is not installed.

The list is in pyproject.toml alone; the installed package's metadata says which extra names what.
"""

import re
from collections.abc import Iterable
from typing import Final

from nachash.errors import MissingError

_REQUIREMENT: Final = re.compile(r"([\w.-]+).*;.*\bextra *== *['\"]([\w.-]+)['\"]")
_NEVER_NAMED: Final = ("all", "test", "check")
_OTHER_NAMES: Final = {"sklearn": "scikit-learn"}  # the one module not named like its package


def missing_package(error: BaseException) -> MissingError | None:
    """What to tell a user of an import that failed; None where no extra would mend it.

    Libraries wrap such errors in others, so that its causes are looked at as well.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError) and cause.name:
            package, extra = wanted(cause.name, _requirements())
            if extra:
                return MissingError(
                    f"the package {package} is not installed", f"pip install 'nachash[{extra}]'"
                )
        cause = cause.__cause__ or cause.__context__
    return None


def wanted(module: str, requirements: Iterable[str]) -> tuple[str, str]:
    """The package that holds a module, and the extra that brings it, empty where none does.

    `requirements` as in a package's metadata: `torch>=2.8; extra == "train"`.
    """
    top = module.partition(".")[0]
    package = _normalised(_OTHER_NAMES.get(top, top))
    for found in filter(None, map(_REQUIREMENT.match, requirements)):
        if _normalised(found[1]) == package and found[2] not in _NEVER_NAMED:
            return package, found[2]
    return package, ""


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirements() -> list[str]:
    from importlib import metadata

    try:
        return metadata.requires("nachash") or []
    except metadata.PackageNotFoundError:  # run from a source tree
        return []
