"""Writing in a second thread, while the first one already encodes what comes next."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import final

from nachash.index.storage.interruption import postponed


@final
class WriteBehind:
    """Runs one call at a time, in order; what a call raises is raised by the next, or at the end.

    A commit waits for the disk several times, and an encoder that stood still meanwhile was
    measured to lose a sixth of its time on small pictures. At the end, also after an error or
    Ctrl-C, the call under way is awaited, so that nobody closes the file under it.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nachash-write")
        self._last: Future[None] | None = None

    def call(self, function: Callable[[], None]) -> None:
        """Run the function when the one before it has ended; do not wait for it."""
        self._settle()
        self._last = self._thread.submit(function)

    def _settle(self) -> None:
        if self._last is not None:
            self._last.result()

    def __enter__(self) -> "WriteBehind":
        return self

    def __exit__(self, _kind: object, error: object, _trace: object) -> None:
        with postponed():
            self._thread.shutdown()
        if error is None:
            self._settle()
