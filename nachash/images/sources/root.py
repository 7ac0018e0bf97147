"""The root of a source, which the paths of an index are relative to; links to it do not matter."""

import os
from collections.abc import Iterator
from pathlib import Path


def absolute(root: str) -> str:
    """A root as an index keeps it: absolute, so that it holds wherever one searches."""
    return root if "://" in root else os.path.abspath(root)  # noqa: PTH100 (links stay)


def names_below(root: str, path: str) -> tuple[str, ...]:
    """The names below a root that something at a path from here may have; `.` is the root itself.

    The one that is spelled like the path comes first, the one without any link last. None where
    it lies elsewhere, by whatever links.
    """
    if "://" in root or "://" in path:
        return _below(path, root)
    here, there = absolute(path), absolute(root)
    return tuple(dict.fromkeys((*_below(here, there), *_by_links(here, there))))


def is_below(root: str, path: str) -> bool:
    """Whether something at a path from here is a root or lies below it, by whatever links."""
    return bool(names_below(root, path))


def _by_links(here: str, there: str) -> Iterator[str]:
    for folder in (Path(here), *Path(here).parents):
        if _is_same(folder, there):
            yield Path(here).relative_to(folder).as_posix()
    yield from _below(os.path.realpath(here), os.path.realpath(there))


def _below(path: str, root: str) -> tuple[str, ...]:
    if path == root:
        return (".",)
    prefix = root.rstrip("/") + "/"
    return (path.removeprefix(prefix),) if path.startswith(prefix) else ()


def _is_same(one: Path, other: str) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False
