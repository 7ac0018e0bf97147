"""A run that can be taken up again: when its state is written, and what ends it early."""

import contextlib
import logging
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, final

from nachash import duration
from nachash.errors import IncompatibleError, StorageError, UsageError

_log = logging.getLogger(__name__)


@final
class Interruption:
    """Whether SIGINT or SIGTERM has come."""

    def __init__(self) -> None:
        self.wanted = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal; the second one does not wait for the step to end."""
        del number, frame
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True


@contextlib.contextmanager
def interruption() -> Iterator[Interruption]:
    """Signals are noted instead of breaking a step, while the block runs in the main thread.

    One that is ignored stays so: a shell lets the background jobs of a script ignore SIGINT.
    """
    noted = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = {
        number: signal.signal(number, noted)
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True, slots=True)
class Interval:
    """How often: every so many steps, or every so many seconds."""

    steps: int | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, text: str) -> "Interval":
        """`500` is a number of steps, `5m` a time.

        Raises:
            UsageError: it is neither.
        """
        if not text.isdigit():
            return cls(seconds=duration.seconds(text, "--save-every"))
        if int(text) == 0:
            raise UsageError("0 steps are no interval", "--save-every 500 or --save-every 5m")
        return cls(steps=int(text))


@final
@dataclass(slots=True)
class RunKeeper:
    """Writes the state of a run now and then; a `training.loop.Keeper`.

    A state that cannot be written (a full disk) is logged, and the run goes on.
    """

    path: Path
    interval: Interval
    data: str
    interruption: Interruption
    writes: bool = True  # the first of several processes
    _kept_step: int = field(default=0)
    _kept_seconds: float = field(default=0.0)

    def due(self, step: int, seconds: float) -> bool:
        """Whether the interval has passed since a state was kept."""
        if self.interval.steps is not None:
            return step - self._kept_step >= self.interval.steps
        return seconds - self._kept_seconds >= (self.interval.seconds or 0.0)

    def keep(self, state: Mapping[str, Any]) -> None:
        """Write a state, with the fingerprint of the images."""
        from nachash.training import checkpoint

        self._kept_step, self._kept_seconds = state["step"], state["seconds"]
        if not self.writes:
            return
        try:
            checkpoint.write(self.path, {**state, "data": self.data})
        except StorageError as error:
            if self.interruption.wanted:
                raise
            _log.warning("%s; training goes on, the state before is kept", error.sentence)

    def interrupted(self) -> bool:
        """Whether a signal has come."""
        return self.interruption.wanted

    def taken_up(self) -> dict[str, Any]:
        """The state on disk.

        Raises:
            DamagedError: it cannot be read.
            IncompatibleError: the images are not those that the run began with.
        """
        from nachash.training import checkpoint

        state = checkpoint.read(self.path)
        if state.get("data") != self.data:
            raise IncompatibleError(
                "the images have changed since the interrupted run began",
                "begin again with --overwrite instead of --resume",
            )
        self._kept_step, self._kept_seconds = int(state["step"]), float(state["seconds"])
        return state
