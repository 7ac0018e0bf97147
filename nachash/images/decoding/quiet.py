"""Pillow's warnings, silenced while images are read; safe in threads.

`warnings.catch_warnings` replaces the filters of the whole process and must not overlap with
itself, so threads cannot use it. Here one filter, for Pillow's modules only, is put in by the
first thread that enters and taken out by the last that leaves.
"""

import threading
import warnings
from typing import Final

_lock = threading.Lock()
_inside = 0
_PATTERN = r"PIL\.(?#nachash)"  # the comment makes it ours


class Quiet:
    """A context in which warnings of Pillow's modules are ignored, in every thread."""

    def __enter__(self) -> None:
        global _inside
        with _lock:
            _inside += 1
            if _inside == 1:
                warnings.filterwarnings("ignore", module=_PATTERN)

    def __exit__(self, *_: object) -> None:
        global _inside
        with _lock:
            _inside -= 1
            if not _inside:
                for entry in [entry for entry in warnings.filters if _is_ours(entry)]:
                    warnings.filters.remove(entry)  # type: ignore[attr-defined]


quiet: Final = Quiet()


def _is_ours(entry: tuple[object, ...]) -> bool:
    module = entry[3]
    return entry[0] == "ignore" and getattr(module, "pattern", None) == _PATTERN
