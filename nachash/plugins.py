"""A folder is a registry: a file's name is the name that the user types.

Names come from listing a folder, one-line help from the first line of each file's docstring,
read without importing; only `load` imports. Files that begin with an underscore are pieces
that several plugins share.
"""

import ast
import difflib
import importlib
from pathlib import Path
from types import ModuleType

from nachash.errors import UsageError

_PACKAGE = Path(__file__).parent


def names(kind: str) -> list[str]:
    """Names of the plugins of a kind, sorted; a kind is a folder: `methods`, `encoders.backbones`.

    Underscores of a file name are shown as hyphens: `moco_v2.py` is `moco-v2`.
    """
    folder = _PACKAGE.joinpath(*kind.split("."))
    return sorted(
        path.stem.replace("_", "-") for path in folder.glob("*.py") if not path.stem.startswith("_")
    )


def groups(kind: str) -> list[str]:
    """Folders of plugins inside a kind's folder, sorted: `cli` has `index`."""
    folder = _PACKAGE.joinpath(*kind.split("."))
    found = (path.parent.name for path in folder.glob("*/__init__.py"))
    return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))


def summary(kind: str, name: str) -> str:
    """First line of a plugin's docstring."""
    path = _PACKAGE.joinpath(*kind.split("."), f"{_checked(kind, name).replace('-', '_')}.py")
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def load(kind: str, name: str) -> ModuleType:
    """Import one plugin.

    Raises:
        UsageError: when no file of that kind has the name.
    """
    return importlib.import_module(f"nachash.{kind}.{_checked(kind, name).replace('-', '_')}")


def _checked(kind: str, name: str) -> str:
    known = names(kind)
    if name in known:
        return name
    close = difflib.get_close_matches(name, known, n=1)
    what = kind.rpartition(".")[2]
    raise UsageError(
        f"'{name}' is not one of the {what}: {', '.join(known)}",
        f"did you mean {close[0]}?" if close else "",
    )
