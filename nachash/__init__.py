"""Binary hashing and image retrieval with Neural Activation Coding.

The names below are loaded when they are first used: importing the package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from nachash import telemetry

if TYPE_CHECKING:
    from nachash.library.encoder import Encoder
    from nachash.library.hasher import Hasher
    from nachash.library.hits import Hits
    from nachash.library.index import Index
    from nachash.library.mean_average_precision import mean_average_precision
    from nachash.library.verbs import compare, evaluate, train
    from nachash.results.search import Hit

telemetry.switch_off()

__version__ = "0.1.0"
__all__ = [
    "Encoder",
    "Hasher",
    "Hit",
    "Hits",
    "Index",
    "compare",
    "evaluate",
    "mean_average_precision",
    "train",
]

_HOMES = {
    "Encoder": "library.encoder",
    "Hasher": "library.hasher",
    "Hit": "results.search",
    "Hits": "library.hits",
    "Index": "library.index",
    "compare": "library.verbs",
    "evaluate": "library.verbs",
    "mean_average_precision": "library.mean_average_precision",
    "train": "library.verbs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nachash' has no attribute {name!r}")
    return getattr(importlib.import_module(f"nachash.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
