"""Ctrl-C waits until a batch is written."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Deliver a SIGINT that arrives inside when the block has ended.

    Python raises KeyboardInterrupt between any two instructions, also where HDF5 has called back
    into Python and drops exceptions. It raises it only in the main thread.
    """
    present = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or present is None:
        yield
        return
    received: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: received.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, present)
        if received:
            signal.raise_signal(signal.SIGINT)
