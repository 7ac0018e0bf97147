"""The one cache in memory: values that are made once, of a bounded number of bytes."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar, final

K = TypeVar("K")
V = TypeVar("V")


@final
class RecentlyUsed(Generic[K, V]):
    """Values by key; together they take at most `most_bytes`, the last used ones are kept.

    A value that is asked for by several threads is made by the first of them. With `singly`, one
    value is made at a time, whatever its key.
    """

    def __init__(
        self, most_bytes: int, bytes_of: Callable[[V], int], *, singly: bool = False
    ) -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self._bytes_of = bytes_of
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._under_way: dict[K, Future[V]] = {}
        self._lock = threading.Lock()
        self._making = threading.Lock() if singly else contextlib.nullcontext()

    def value(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key, made where it is not there; an error of `make` is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            under_way = self._under_way.get(key)
            made = self._under_way.setdefault(key, Future())
        if under_way is not None:
            return under_way.result()
        try:
            with self._making:
                made.set_result(make())
        except BaseException as error:
            made.set_exception(error)
            raise
        finally:
            self._keep(key, made)
        return made.result()

    def _keep(self, key: K, made: "Future[V]") -> None:
        with self._lock:
            del self._under_way[key]
            if made.exception() is None:
                self._kept[key] = made.result()
                self.bytes += self._bytes_of(made.result())
            while self.bytes > self.most_bytes:
                self.bytes -= self._bytes_of(self._kept.popitem(last=False)[1])
