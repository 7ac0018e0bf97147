"""The images that were skipped, and why: a log, in which the last word on a path counts.

A batch only adds to its end, so that skipping many images takes time in proportion to them. An
empty reason says that an image is skipped no longer; once such words are the greater part of the
log, it is written anew without them.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, final

from nachash.index.columns import Columns
from nachash.index.ragged import Ragged
from nachash.index.storage import text_column
from nachash.records import Skipped

_FEW: Final = 1024  # entries that are not worth writing the log anew


def last_words(paths: Iterable[str], reasons: Iterable[str]) -> dict[str, str]:
    """The reason of each path that is still skipped, in the order in which they failed first."""
    skipped: dict[str, str] = {}
    for path, reason in zip(paths, reasons, strict=True):
        if reason:
            skipped[path] = reason
        else:
            skipped.pop(path, None)
    return skipped


@final
class ErrorLog:
    """The log of an index that is being written; it is read once, when it is first needed."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._known: dict[str, str] | None = None

    def write(self, skipped: Sequence[Skipped], found: Collection[str]) -> None:
        """Add skipped images with their reasons, and take those in `found` off the list."""
        if not skipped and not found:
            return
        known = self._listed()
        news: list[tuple[str, str]] = []
        for image in skipped:
            if known.get(image.path) != image.reason:
                known[image.path] = image.reason
                news.append((image.path, image.reason))
        news += [(path, "") for path in found if known.pop(path, None) is not None]
        if news:
            self._append(news, known)

    def _listed(self) -> dict[str, str]:
        if self._known is None:
            errors = self._columns.group["errors"]
            count = text_column.length(errors["paths"])
            texts = (text_column.all_texts(errors[part], count) for part in ("paths", "reasons"))
            self._known = last_words(*texts)
        return self._known

    def _append(self, news: Sequence[tuple[str, str]], known: dict[str, str]) -> None:
        start = text_column.length(self._columns.group["errors"]["paths"])
        if start + len(news) > 2 * len(known) + _FEW:
            start, news = 0, list(known.items())
        for number, name in enumerate(("paths", "reasons")):
            texts = Ragged.of_texts([entry[number] for entry in news])
            self._columns.append_ragged(f"errors/{name}", start, texts)
