"""What a run tells while it lasts: figures into `metrics.jsonl`, TensorBoard and the progress."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nachash.records import Progress

if TYPE_CHECKING:
    from nachash.training.loop import Step


@contextlib.contextmanager
def reporting(
    directory: Path,
    after: int,
    progress: Progress,
    watch: "Callable[[Step], dict[str, float]]",
) -> Iterator["Callable[[Step], None]"]:
    """A function that is told of every step; logs go on after a step, 0 begins them.

    What `watch` sees of a step is told with its figures.
    """
    from nachash.training.event_log import EventLog
    from nachash.training.metrics_log import MetricsLog

    with MetricsLog(directory, after=after) as lines, EventLog(directory, after=after) as events:

        def report(step: "Step") -> None:
            figures = {**step.figures, **watch(step)}
            lines.note(step.number, step.steps, figures)
            events.note(step.number, step.steps, figures)
            progress("train", step.number, step.steps, **figures)

        yield report


@contextlib.contextmanager
def unheard() -> Iterator["Callable[[Step], None]"]:
    """For a process beside the first one, which tells for all."""

    def report(step: "Step") -> None:
        del step

    yield report
