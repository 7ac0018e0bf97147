"""A folder is a registry: a file's name is the name that the user types.

Names come from listing a folder, one-line help from the first line of each file's docstring,
read without importing; only `load` imports. Files that begin with an underscore are pieces
that several plugins share.

A package outside adds to a folder by an entry point of the group `nachash.FOLDER`, whose value
is a module with the same contract as a file of that folder (docs/plugins.md). A name of ours
cannot be taken over.
"""

import ast
import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from nachash.errors import IncompatibleError, UsageError
from nachash.near_word import did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_PACKAGE = Path(__file__).parent

# Folders that packages outside may add to. Reading entry points takes time, and a search has none.
_OPEN: Final = ("augment", "datasets", "encoders.backbones", "engines", "exports", "methods")


def names(kind: str) -> list[str]:
    """Names of the plugins of a kind, sorted; a kind is a folder: `methods`, `encoders.backbones`.

    Underscores of a file name are shown as hyphens: `moco_v2.py` is `moco-v2`.
    """
    return sorted({*_files(kind), *_installed(kind)})


def groups(kind: str) -> list[str]:
    """Folders of plugins inside a kind's folder, sorted: `cli` has `index`."""
    found = (path.parent.name for path in _folder(kind).glob("*/__init__.py"))
    return sorted(_shown(name) for name in found if not name.startswith("_"))


def summary(kind: str, name: str) -> str:
    """First line of a plugin's docstring."""
    docstring = ast.get_docstring(ast.parse(_source(kind, name).read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def load(kind: str, name: str) -> ModuleType:
    """Import one plugin.

    Raises:
        UsageError: no plugin of that kind has the name.
        IncompatibleError: a plugin of another package cannot be imported.
    """
    if name in _files(kind):
        return importlib.import_module(f"nachash.{kind}.{name.replace('-', '_')}")
    entry = _entry(kind, name)
    try:
        return importlib.import_module(entry.module)
    except ImportError as error:
        raise IncompatibleError(
            f"'{name}' of the package {_package(entry)} cannot be imported: {error}",
            f"pip install --upgrade {_package(entry)}",
        ) from error


def _folder(kind: str) -> Path:
    return _PACKAGE.joinpath(*kind.split("."))


def _shown(name: str) -> str:
    return name.replace("_", "-")


def _files(kind: str) -> list[str]:
    """Names of our own plugins."""
    stems = (path.stem for path in _folder(kind).glob("*.py"))
    return [_shown(stem) for stem in stems if not stem.startswith("_")]


def _installed(kind: str) -> "dict[str, EntryPoint]":
    """Plugins that other packages bring."""
    if kind not in _OPEN:
        return {}
    from importlib.metadata import entry_points  # a search has none, and does not wait for it

    return {entry.name: entry for entry in entry_points(group=f"nachash.{kind}")}


def _entry(kind: str, name: str) -> "EntryPoint":
    known = names(kind)
    if name in known:
        return _installed(kind)[name]
    raise UsageError(
        f"'{name}' is not one of the {kind.rpartition('.')[2]}: {', '.join(known)}",
        did_you_mean(name, known),
    )


def _source(kind: str, name: str) -> Path:
    if name in _files(kind):
        return _folder(kind) / f"{name.replace('-', '_')}.py"
    entry = _entry(kind, name)
    spec = importlib.util.find_spec(entry.module)
    if spec is None or spec.origin is None:
        raise IncompatibleError(
            f"'{name}' of the package {_package(entry)} has no module {entry.module}",
            f"pip install --upgrade {_package(entry)}",
        )
    return Path(spec.origin)


def _package(entry: "EntryPoint") -> str:
    return entry.dist.name if entry.dist else entry.module.partition(".")[0]
