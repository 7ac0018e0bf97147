"""Where nachash keeps what it makes for itself between runs: caches, and which index was last.

Both are conveniences. A process without a home (a number in a container) has none of them, and
works on without.
"""

import os
import sys
from pathlib import Path
from typing import Final, Literal

_ON_LINUX: Final = {
    "cache": ("XDG_CACHE_HOME", "~/.cache"),
    "state": ("XDG_STATE_HOME", "~/.local/state"),
}


def cache_folder(kind: str) -> Path | None:
    """The folder of one kind of computed things, in `$NACHASH_CACHE` or the user's cache folder.

    It need not exist, nor be a place where one can write; None where the user has no home.
    """
    place = _chosen("NACHASH_CACHE") or platform_folder("cache")
    return place / kind if place else None


def state_folder() -> Path | None:
    """`$NACHASH_STATE` or the platform's folder for states; None where the user has no home."""
    return _chosen("NACHASH_STATE") or platform_folder("state")


def platform_folder(kind: Literal["cache", "state"]) -> Path | None:
    """As platformdirs has it; on Linux without its import, which takes 10 ms."""
    if sys.platform == "linux":
        variable, usual = _ON_LINUX[kind]
        named = os.environ.get(variable, "").strip()
        place = Path(named or os.path.expanduser(usual), "nachash")  # noqa: PTH111 (no error)
    else:
        import platformdirs

        place = getattr(platformdirs, f"user_{kind}_path")("nachash")
    return place if place.is_absolute() else None


def _chosen(variable: str) -> Path | None:
    folder = os.environ.get(variable)
    return Path(folder) if folder else None
