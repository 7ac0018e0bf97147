"""Groups of duplicates as text, JSON lines and CSV."""

import csv
import io
from collections.abc import Iterator, Sequence

from nachash.records import to_json
from nachash.report.visible import visible
from nachash.results.dedup import Duplicate, Duplicates, Move

COLUMNS = (
    "group",
    "keep",
    "distance",
    "agreement",
    "width",
    "height",
    "size",
    "reference",
    "id",
    "path",
)


def text(found: Duplicates) -> Iterator[str]:
    """A block per group, the keeper first, then a line that counts."""
    for number, group in enumerate(found.groups, start=1):
        yield f"group {number}: {len(group)} images"
        yield from (f"  {_line(each)}" for each in group)
    yield _summary(found)


def _line(each: Duplicate) -> str:
    role = "keep     " if each.keep else "reference" if each.reference else "surplus  "
    pixels = f"{each.width}x{each.height}" if each.width else "missing"
    facts = f"{role}  {each.distance:>3} bits  {pixels:>11}  {each.size:>11,} bytes"
    return f"{facts}  {visible(each.path)}"


def _summary(found: Duplicates) -> str:
    return (
        f"{len(found.groups):,} groups, {found.surplus:,} surplus images among {found.images:,} "
        f"(within {found.max_distance} of {found.bits} bits, {found.grouping})"
    )


def surplus_paths(found: Duplicates) -> Iterator[str]:
    """Paths of the images that could go, for the next program in a pipe."""
    for group in found.groups:
        for each in group:
            if not each.keep and not each.reference:
                yield each.path


def json_lines(found: Duplicates) -> Iterator[str]:
    """A line per group."""
    for number, group in enumerate(found.groups, start=1):
        yield to_json({"group": number, "max_distance": found.max_distance, "images": group})


def csv_text(found: Duplicates) -> str:
    """A table with a row per image."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for number, group in enumerate(found.groups, start=1):
        for each in group:
            fields = [getattr(each, name) for name in COLUMNS[1:]]
            writer.writerow([number, *(int(f) if isinstance(f, bool) else f for f in fields)])
    return out.getvalue()


def moves(planned: Sequence[Move], *, done: bool) -> Iterator[str]:
    """What was moved or would be, and what stays where it is and why."""
    for each in planned:
        if each.reason is None:
            kept = f" ({each.distance} bits from {each.keeper})" if each.keeper else ""
            yield f"{'moved' if done else 'would move'} {each.path} -> {each.target}{kept}"
        else:
            yield f"left {each.path}: {each.reason}"
    if planned and not done:
        yield "nothing was moved: add --apply to do it"
