"""Answers to look at: `--html FILE` of several commands, `search --show` in the terminal."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nachash.cli import _terminal as terminal
from nachash.errors import UsageError
from nachash.images.sources.hosts import Hosts

if TYPE_CHECKING:
    from nachash.results.dedup import Duplicates
    from nachash.results.evaluate import Scores
    from nachash.results.page import ResultPage
    from nachash.results.search import Answer


def check(path: Path, *, overwrite: bool) -> None:
    """Refuse a page that could not be written.

    Raises:
        ExistsError, MissingError, UsageError: see `report.output`.
    """
    from nachash.report import output

    output.check_writable(path, overwrite=overwrite)


def require_index(dataset: str | None) -> None:
    """Refuse a page for a data set by name, whose images are in no index.

    Raises:
        UsageError: a data set was named.
    """
    if dataset is not None:
        raise UsageError(
            "--html shows images of an index, and --dataset has none",
            "nachash encode its images, then nachash eval-map --index out.h5 --html page.html",
        )


def write_search(path: Path, answer: "Answer", hosts: Hosts) -> None:
    """Write the page of a search."""
    from nachash.tasks import pages

    _told_of_hosts(answer.index, hosts)
    _write(path, pages.of_search(answer, hosts))


def pictures_can_be_shown() -> bool:
    """Whether stdout is a terminal with colours; the user is told when it is not."""
    from nachash.report import terminal_pictures

    possible = terminal_pictures.possible()
    if not possible:
        terminal.note("--show draws only on a terminal with colours; here are the paths instead")
    return possible


def pictures(answer: "Answer", hosts: Hosts) -> Iterator[str]:
    """The hits of a search as pictures, with their distances and paths."""
    from nachash.report import terminal_pictures
    from nachash.tasks import pages

    _told_of_hosts(answer.index, hosts)
    return terminal_pictures.rows(pages.of_search(answer, hosts))


def write_dedup(path: Path, found: "Duplicates", hosts: Hosts) -> None:
    """Write the page of duplicates."""
    from nachash.tasks import pages

    _write(path, pages.of_dedup(found, hosts))


def write_evaluation(path: Path, scores: "Scores", queries: Path | None, hosts: Hosts) -> None:
    """Write the page of an evaluation."""
    from nachash.tasks import pages

    _told_of_hosts(scores.index, hosts)
    _write(path, pages.of_evaluation(scores, Path(scores.index), queries, hosts))


def _told_of_hosts(index: str, hosts: Hosts) -> None:
    """Say once that pictures at a URL stay unopened, which each tile says of itself."""
    from nachash.index.reader import open_index

    with open_index(Path(index)) as opened:
        root = opened.root
    if refusal := "://" in root and hosts.refusal(root):
        terminal.note(f"pictures at {root} are not opened: {refusal}")


def _write(path: Path, page: "ResultPage") -> None:
    from nachash.report import html, output

    text = html.results(page).encode("utf-8", "surrogateescape")
    output.write(path, text.decode("utf-8", "replace"))
    terminal.note(f"wrote {path}")
