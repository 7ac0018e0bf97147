"""Labels of images: from the folders they lie in, or from a CSV file."""

import csv
import io
import posixpath
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from nachash.errors import MissingError, UsageError
from nachash.images.sources.text import decoded
from nachash.records import Labels

_PATH_TITLES = {"path", "file", "filename", "file_name", "image", "name"}
_LABEL_TITLES = {"label", "labels", "class", "classes", "category"}


def folder_labels(paths: Sequence[str]) -> Labels | None:
    """The name of the top folder each image lies in; None when one is in none below the root."""
    tops = [path.split("/", 1)[0] if "/" in path else "" for path in paths]
    if not tops or not {"", "..", "."}.isdisjoint(tops):
        return None
    return Labels.of([{top} for top in tops])


def csv_labels(file: Path, paths: Sequence[str]) -> Labels:
    """Labels that a CSV file gives to images: two columns, path and label.

    Several rows for one path, or labels with `;` between them, make several labels. A first row
    of titles (path,label) is passed over. Images without a row have no label; rows without an
    image are ignored (`unmatched` tells of them).

    Raises:
        MissingError: the file cannot be read.
        UsageError: a row has not two columns, or no row names any of the images.
    """
    return matched(csv_rows(file), paths, file)


def csv_rows(file: Path) -> dict[str, set[str]]:
    """Labels by path, as the CSV file has them.

    Raises:
        MissingError, UsageError: as `csv_labels`.
    """
    rows: dict[str, set[str]] = {}
    try:
        text = io.StringIO(decoded(file.read_bytes()), newline="")
        for number, row in enumerate(csv.reader(text), start=1):
            if row and not (number == 1 and _is_title(row)):
                path, labels = _checked(row, file, number)
                rows.setdefault(path, set()).update(labels)
    except OSError as error:
        raise MissingError(f"{file} cannot be read: {error.strerror}") from error
    except csv.Error as error:
        raise UsageError(f"{file} is not a CSV file: {error}") from error
    return rows


def matched(rows: Mapping[str, Collection[str]], paths: Sequence[str], file: Path) -> Labels:
    """Labels of `paths` from the rows of a CSV file.

    Raises:
        UsageError: no row names any of the images.
    """
    if not any(path in rows for path in paths):
        example = f", as {paths[0]}" if paths else ""
        raise UsageError(
            f"{file} names none of the {len(paths)} images",
            f"its first column holds paths relative to the images' root{example}",
        )
    return Labels.of([rows.get(path, ()) for path in paths])


def unmatched(rows: Collection[str], paths: Collection[str]) -> tuple[int, str]:
    """How many rows of a CSV file name no image, and that in words with an example.

    Told apart are rows that name one but for upper and lower case, another separator, or another
    Unicode form of an accent.
    """
    strange = sorted(set(rows).difference(paths))
    if not strange:
        return 0, ""
    alike = {_likeness(path): path for path in paths}
    near = [(row, alike[_likeness(row)]) for row in strange if _likeness(row) in alike]
    told = f"{len(strange):,} of {len(rows):,} rows name no image, as {strange[0]}"
    if near:
        row, path = near[0]
        told += f"; {len(near):,} of them would but for spelling: {row!a} is {path!a} here"
    return len(strange), told


def _likeness(path: str) -> str:
    """What spellings of one path have in common."""
    slashed = unicodedata.normalize("NFC", path).replace("\\", "/").strip()
    return posixpath.normpath(slashed).casefold()


def _is_title(row: Sequence[str]) -> bool:
    titles = [cell.strip().lower() for cell in row]
    return len(titles) == 2 and titles[0] in _PATH_TITLES and titles[1] in _LABEL_TITLES


def _checked(row: Sequence[str], file: Path, number: int) -> tuple[str, set[str]]:
    if len(row) != 2:
        raise UsageError(
            f"{file}, line {number}: {len(row)} columns instead of two",
            'write path,label on each line, "a;b" for several labels',
        )
    labels = {label.strip() for label in row[1].split(";")}
    return row[0].removeprefix("./"), labels - {""}
