"""Pillow's warnings, silenced while images are read; safe in threads.

`warnings.catch_warnings` replaces the filters of the whole process and must not overlap with
itself, so threads cannot use it. Here one filter, for Pillow's modules only, is put in by the
first thread that enters and taken out by the last that leaves.
"""

import contextlib
import threading
import warnings
from collections.abc import Iterator

_lock = threading.Lock()
_inside = 0
_PATTERN = r"PIL\.(?#nachash)"  # the comment makes it ours


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """While inside, warnings that Pillow's modules raise are ignored, in every thread."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside
    with _lock:
        _inside += 1
        if _inside == 1:
            warnings.filterwarnings("ignore", module=_PATTERN)


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside:
            ours = [entry for entry in warnings.filters if _is_ours(entry)]
            for entry in ours:
                warnings.filters.remove(entry)  # type: ignore[attr-defined]


def _is_ours(entry: tuple[object, ...]) -> bool:
    module = entry[3]
    return entry[0] == "ignore" and getattr(module, "pattern", None) == _PATTERN
