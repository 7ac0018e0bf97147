"""Functions compiled by numba, and kept in the cache folder where there is one."""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import numba
from numba.core.caching import FunctionCache

from nachash.own_folders import cache_folder


def compiled(function: Callable[..., Any]) -> Any:
    """The function compiled on first use, without the interpreter's lock.

    What was compiled is kept for the next run: in `$NUMBA_CACHE_DIR`, or in the cache folder of
    nachash. Where none can be written, each run compiles anew.
    """
    dispatcher: Any = numba.njit(nogil=True)(function)
    if (cache := _cache(function)) is not None:
        dispatcher._cache = cache  # what `cache=True` does, for a class of our own
    return dispatcher


class _Cache(FunctionCache):
    """A cache that may fail: a full disk and a damaged file are no reason to stop."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001 (whatever damaged bytes are taken for)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001
            with contextlib.suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]


def _cache(function: Callable[..., Any]) -> _Cache | None:
    """A cache for a function's machine code; None where nothing can be written."""
    folder = os.environ.get("NUMBA_CACHE_DIR") or cache_folder("numba")
    if folder is None:
        return None
    config: Any = numba.config
    before = config.CACHE_DIR
    try:
        # It is read once, when the cache is made; another user of numba keeps their own.
        config.CACHE_DIR = str(folder)
        return _Cache(function)  # type: ignore[no-untyped-call]
    except (RuntimeError, OSError):  # numba tried to write there
        return None
    finally:
        config.CACHE_DIR = before
