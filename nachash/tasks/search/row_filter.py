"""Which rows of an index a search looks at: `--where` and `--under`, exact and before ranking.

A condition is a field, an operator and a value: `label=cat`, `label!=cat`, `path=2019/*.jpg`,
`size>=100000`, `time<2020-01-01`. `size` is in bytes, `time` the last change of the file (UTC).
Where metadata was recorded, also `width>=1000`, `height<500` and `taken>=2023-05-01`: pixels of the
upright picture, and the camera's clock. All conditions hold at once.
"""

import datetime as dt
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from nachash.errors import MissingError, UsageError
from nachash.images.sources.root import absolute
from nachash.results.index import UNKNOWN_TIME, Metadata
from nachash.shapes import Bool, Int64
from nachash.tasks.search import path_filter
from nachash.tasks.search.searchable import Searchable

_CONDITION: Final = re.compile(r"\s*(\w+)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*\Z", re.DOTALL)
_COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_HINT: Final = (
    "--where 'label=cat', 'path=2019/*', 'size>100000', 'time<2020-01-01', "
    "'width>=1000' or 'taken>=2023-05-01'"
)
_DAY: Final = 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of a filter."""

    field: str
    comparison: str
    value: str


def parsed(text: str) -> Condition:
    """A condition as a user types it.

    Raises:
        UsageError: it is none.
    """
    match = _CONDITION.match(text)
    if match is None or match[1] not in _FIELDS:
        raise UsageError(f"--where '{text}' is no condition on {', '.join(_FIELDS)}", _HINT)
    condition = Condition(*match.groups())
    if condition.field in ("label", "path") and condition.comparison not in ("=", "!="):
        raise UsageError(f"--where '{text}': a {condition.field} is compared by = or !=", _HINT)
    return condition


def matching(
    index: Searchable, conditions: Sequence[Condition], under: Sequence[str]
) -> Bool[np.ndarray, "n"]:
    """Which rows fulfil all conditions and lie below one of the folders, if any.

    Raises:
        UsageError: a value that cannot be compared; a label that the index does not have.
        MissingError: a condition on labels or metadata, and the index has none.
    """
    rows = np.ones(index.rows, bool)
    for condition in conditions:
        rows &= _FIELDS[condition.field](index, condition)
    return rows & _below(index, under) if under else rows


def _label(index: Searchable, condition: Condition) -> Bool[np.ndarray, "n"]:
    labels, names = index.label_numbers(), index.label_names or ()
    if condition.value not in names:
        shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise UsageError(f"{index.path} has no label {condition.value}, but {shown}", _HINT)
    has = labels.having(names.index(condition.value))
    return has if condition.comparison == "=" else ~has


def _path(index: Searchable, condition: Condition) -> Bool[np.ndarray, "n"]:
    found = path_filter.fitting(index.path_bytes(), condition.value)
    return found if condition.comparison == "=" else ~found


def _size(index: Searchable, condition: Condition) -> Bool[np.ndarray, "n"]:
    return _COMPARISONS[condition.comparison](index.sizes(), _whole_number(condition))


def _width(index: Searchable, condition: Condition) -> Bool[np.ndarray, "n"]:
    return _pixels(_metadata(index).width, condition)


def _height(index: Searchable, condition: Condition) -> Bool[np.ndarray, "n"]:
    return _pixels(_metadata(index).height, condition)


def _pixels(sides: Int64[np.ndarray, "n"], condition: Condition) -> Bool[np.ndarray, "n"]:
    """A picture whose size is not known fulfils no condition on it."""
    return _COMPARISONS[condition.comparison](sides, _whole_number(condition)) & (sides > 0)


def _taken(index: Searchable, condition: Condition) -> Bool[np.ndarray, "n"]:
    """A date without a time is the whole day; a picture without a time fulfils no condition."""
    taken, moment = _metadata(index).taken, _moment(condition.value)
    if moment.tzinfo is not None or moment.microsecond:
        raise UsageError(
            f"a camera's clock has whole seconds and no time zone, unlike '{condition.value}'",
            _HINT,
        )
    first = int((moment - dt.datetime(1970, 1, 1)) // dt.timedelta(seconds=1))  # noqa: DTZ001
    last = first + (_DAY - 1 if _is_day(condition.value) else 0)
    rows = {
        "=": (first <= taken) & (taken <= last),
        "!=": (taken < first) | (last < taken),
        "<": taken < first,
        "<=": taken <= last,
        ">": last < taken,
        ">=": first <= taken,
    }[condition.comparison]
    return rows & (taken != UNKNOWN_TIME)


def _metadata(index: Searchable) -> Metadata:
    metadata = index.metadata()
    if metadata is None:
        raise MissingError(
            f"{index.path} has no metadata", "encode the images again with --metadata"
        )
    return metadata


def _whole_number(condition: Condition) -> int:
    if not condition.value.isdecimal():
        unit = "bytes" if condition.field == "size" else "pixels"
        raise UsageError(
            f"a {condition.field} in {unit} is a whole number, not '{condition.value}'", _HINT
        )
    return int(condition.value)


def _moment(value: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError as error:
        raise UsageError(f"'{value}' is not a date as 2020-01-31", _HINT) from error


def _is_day(value: str) -> bool:
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _time(index: Searchable, condition: Condition) -> Bool[np.ndarray, "n"]:
    moment = _moment(condition.value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    since = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    nanoseconds = since // dt.timedelta(microseconds=1) * 1000
    return _COMPARISONS[condition.comparison](index.times(), nanoseconds)


def _below(index: Searchable, folders: Sequence[str]) -> Bool[np.ndarray, "n"]:
    """Rows below any of the folders, which are named as in the index or from here."""
    paths, found = index.path_bytes(), np.zeros(index.rows, bool)
    for folder in folders:
        rows = path_filter.below(paths, folder.removeprefix("./").rstrip("/"))
        if not rows.any():
            full, root = Path(absolute(folder)), absolute(index.root)
            if full.is_relative_to(root):
                rows = path_filter.below(paths, full.relative_to(root).as_posix())
        found |= rows
    return found


_FIELDS: Final = {
    "label": _label,
    "path": _path,
    "size": _size,
    "time": _time,
    "width": _width,
    "height": _height,
    "taken": _taken,
}
