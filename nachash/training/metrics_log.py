"""`metrics.jsonl`: one line of figures for every tenth step of a run."""

import json
from pathlib import Path
from typing import final

FILE_NAME = "metrics.jsonl"
EVERY = 10


@final
class MetricsLog:
    """Writes figures as they come, so that a running training can be followed."""

    def __init__(self, directory: Path, *, after: int = 0) -> None:
        """Begin a log, or go on with one after a step: what was written beyond it is dropped."""
        path = directory / FILE_NAME
        kept = _until(path, after) if after else ""
        path.write_text(kept, encoding="utf-8")
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def note(self, step: int, steps: int, figures: dict[str, float]) -> None:
        """Write the figures of every tenth step, of the first and of the last."""
        if is_written(step, steps) or "monitor_map" in figures:
            self._file.write(json.dumps({"step": step, **figures}) + "\n")


def is_written(step: int, steps: int) -> bool:
    """Whether the figures of a step are kept: every tenth, the first and the last."""
    return step in (1, steps) or step % EVERY == 0


def _until(path: Path, step: int) -> str:
    """The whole lines of a log up to a step."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    whole = [line for line in lines if line.endswith("\n")]
    return "".join(line for line in whole if json.loads(line)["step"] <= step)
