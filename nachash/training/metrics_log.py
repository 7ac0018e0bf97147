"""`metrics.jsonl`: one line of figures for every tenth step of a run."""

import json
from pathlib import Path
from types import TracebackType
from typing import final

FILE_NAME = "metrics.jsonl"
EVERY = 10


@final
class MetricsLog:
    """Writes figures as they come, so that a running training can be followed."""

    def __init__(self, directory: Path) -> None:
        self._file = directory.joinpath(FILE_NAME).open("w", encoding="utf-8", buffering=1)

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def note(self, step: int, steps: int, figures: dict[str, float]) -> None:
        """Write the figures of every tenth step, of the first and of the last."""
        if step in (1, steps) or step % EVERY == 0:
            self._file.write(json.dumps({"step": step, **figures}) + "\n")
