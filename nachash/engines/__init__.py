"""Search engines: which codes are nearest? One file per engine; the file's name is its name.

An engine is built from packed codes and answers with `Hits`, every row ordered by (distance,
id); a tie at the k-th place goes to the smaller id, so that every exact engine gives the same
answer. It knows nothing of files. Ids are distinct and need not be consecutive.

To add one: a file with one public function `build(codes, *, ids, bits)` that returns an `Engine`
and, as its annotated keyword arguments with defaults, the engine's own settings. A request that it
cannot serve is an error, never a silently worse answer. tests/engines compares it with `exact` from
the moment the file exists.
"""

from typing import Protocol, runtime_checkable

import numpy as np

from nachash.records import Hits
from nachash.shapes import Int64, UInt8


@runtime_checkable
class Engine(Protocol):
    """Codes that can be searched."""

    def search(self, queries: UInt8[np.ndarray, "queries bytes"], k: int) -> Hits:
        """The k nearest of each query, all where there are fewer.

        Raises:
            UsageError: for k below 1 or queries of another length.
        """

    def within(self, queries: UInt8[np.ndarray, "queries bytes"], radius: int) -> Hits:
        """Everything at most `radius` bits away from each query.

        Raises:
            UsageError: for a negative radius or queries of another length.
        """

    def among(self, ids: Int64[np.ndarray, "n"]) -> "Engine":
        """An engine that finds these ids only, and shares the codes where it can.

        Raises:
            UsageError: for an id that is not there.
        """
