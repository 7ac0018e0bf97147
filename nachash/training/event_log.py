"""TensorBoard events of a run: the same figures as `metrics.jsonl`, for `tensorboard --logdir`."""

from pathlib import Path
from typing import final

from tensorboardX import SummaryWriter

from nachash.training.metrics_log import is_written


@final
class EventLog:
    """Writes figures as they come; a resumed run hides what was written beyond its step."""

    def __init__(self, directory: Path, *, after: int = 0) -> None:
        """Begin a log, or go on with one after a step."""
        self._writer = SummaryWriter(str(directory), purge_step=after + 1 if after else None)

    def __enter__(self) -> "EventLog":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def note(self, step: int, steps: int, figures: dict[str, float]) -> None:
        """Write the figures of every tenth step, of the first and of the last."""
        if is_written(step, steps) or "monitor_map" in figures:
            for name, figure in figures.items():
                self._writer.add_scalar(name, figure, step)
