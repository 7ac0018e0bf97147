"""What the user sees on stderr: notes, warnings, errors, progress. Results are not our business."""

import logging
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nachash.errors import NachashError, NachashWarning, SkippedError
from nachash.report.visible import visible

if TYPE_CHECKING:
    from nachash.records import Progress, Skipped
    from nachash.results.encode import Encoding

MOST_SKIPPED_SHOWN = 10


def first_process() -> bool:
    """Whether this is the one of several processes of `torchrun` that speaks."""
    return os.environ.get("RANK", "0") == "0"


def note(sentence: str) -> None:
    """One line about a choice made or a thing to know; what a terminal would obey is escaped."""
    print(visible(sentence), file=sys.stderr)  # noqa: T201


def notes(sentences: Sequence[str]) -> None:
    """A line for each."""
    for sentence in sentences:
        note(sentence)


class _Lines(logging.Handler):
    """Prints what is logged, a line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print it."""
        warning = "warning: " if record.levelno == logging.WARNING else ""
        note(f"{warning}{record.getMessage()}")


def show_log() -> None:
    """From now on, print what nachash logs: choices that it made, things to know, warnings."""
    log = logging.getLogger("nachash")
    log.setLevel(logging.INFO)
    if not any(isinstance(each, _Lines) for each in log.handlers):
        log.addHandler(_Lines())
    log.propagate = False


def show_warnings() -> None:
    """From now on, print our own warnings as one line each; others as Python does."""
    others = warnings.showwarning

    def shown(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, NachashWarning):
            note(f"warning: {message}")
        else:
            others(message, category, *place, **more)

    warnings.showwarning = shown


def show_error(error: NachashError) -> None:
    """The sentence of an error, and what to type next."""
    note(f"error: {error.sentence}")
    if error.hint:
        note(f"  try: {error.hint}")


def show_unexpected(error: BaseException) -> None:
    """An error that nobody foresaw: its kind, and how to see all of it."""
    note(f"error: unexpected {type(error).__name__}: {error}")
    note("  try: the same command with --debug, and report what it prints")


def show_skipped(skipped: "Sequence[Skipped]") -> None:
    """The images that were left out, with reasons; the first few when they are many."""
    for image in skipped[:MOST_SKIPPED_SHOWN]:
        note(f"skipped {image.path}: {image.reason}")
    if len(skipped) > MOST_SKIPPED_SHOWN:
        note(f"... and {len(skipped) - MOST_SKIPPED_SHOWN} more (all are listed in the index)")


def require_nothing_skipped(result: "Encoding") -> None:
    """What --strict asks for.

    Raises:
        SkippedError: an image was skipped, or a row of a table of labels.
    """
    if result.skipped:
        raise SkippedError(f"{len(result.skipped)} images were skipped, and --strict was given")
    if result.unmatched:
        raise SkippedError(f"{result.unmatched} labels have no image, and --strict was given")


def show_unknown(images: "Sequence[Skipped]") -> None:
    """Images of which nobody knows whether they are there: how many for each reason."""
    for reason, count in Counter(image.reason for image in images).most_common(MOST_SKIPPED_SHOWN):
        note(f"left {count:,} images, of which nothing is known: {reason}")


def can_ask() -> bool:
    """Whether somebody sits there to answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirmed(question: str) -> bool:
    """The answer to a question, no unless yes was typed."""
    import typer

    return typer.confirm(visible(question), err=True)


@contextmanager
def progress() -> "Iterator[Progress]":
    """A live line on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty() or not first_process():
        from nachash.records import silent

        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[numbers]}"),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {}

        def report(stage: str, done: int, total: int | None, **numbers: float) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, numbers="")
            text = "  ".join(
                f"{name.replace('_', ' ')} {value:.4g}" for name, value in numbers.items()
            )
            bars.update(tasks[stage], completed=done, total=total, numbers=text)

        yield report
