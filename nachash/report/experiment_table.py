"""An experiment as a table: text for a terminal, Markdown for a page."""

from collections.abc import Callable, Sequence
from typing import Final

from nachash.report import table
from nachash.results.compare import Experiment, Figure, Row

_Column = tuple[str, Callable[[Row], str]]
# Columns that a narrow terminal does without, the first of them first.
_LEFT_OUT: Final = (
    "seconds",
    "learns",
    "capacity",
    "poster mAP",
    "distinct",
    "linear",
    "mAP@1000",
    "seeds",
    "noise",
)


def text(experiment: Experiment, room: int | None = None) -> str:
    """The table, the failed cells, and what it was measured with.

    A table wider than `room` characters loses columns rather than breaking words, and says which.
    """
    parts = [f"{one.cell.name} failed: {one.reason}" for one in experiment.failed]
    if experiment.rows:
        parts.insert(0, _table(experiment, room))
        parts.append(f"protocol {experiment.protocol}; chance {percent(experiment.chance)} %")
    return "\n".join(parts)


def _table(experiment: Experiment, room: int | None) -> str:
    every = _columns(experiment)
    columns = _fitting(every, experiment.rows, room)
    names, cells = _drawn(columns, experiment.rows)
    title = f"{experiment.title}: {experiment.dataset}"
    drawn = table.table_text(title, names, cells, width=room or table.width_of(names, cells))
    missing = [name for name, _ in every if name not in names]
    if not missing:
        return drawn
    return f"{drawn}\nno room for {', '.join(missing)}: widen the terminal, or use --json"


def _fitting(columns: list[_Column], rows: Sequence[Row], room: int | None) -> list[_Column]:
    """As many of the columns as there is room for."""
    for name in _LEFT_OUT:
        if room is None or table.width_of(*_drawn(columns, rows)) <= room:
            break
        columns = [column for column in columns if column[0] != name]
    return columns


def _drawn(columns: Sequence[_Column], rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    return [name for name, _ in columns], [[value(row) for _, value in columns] for row in rows]


def markdown(experiment: Experiment) -> str:
    """The same as a section of a page, with command, machine and versions."""
    columns = _columns(experiment)
    lines = [
        f"## {experiment.title}: {experiment.dataset}",
        "",
        f"    {experiment.command}",
        "",
        _line([name for name, _ in columns]),
        _line(["---"] * len(columns)),
        *(_line([value(row) for _, value in columns]) for row in experiment.rows),
        "",
        _explanation(experiment),
        *(f"`{one.cell.name}` failed: {one.reason}." for one in experiment.failed),
        _circumstances(experiment),
        "",
    ]
    return "\n".join(lines)


def _explanation(experiment: Experiment) -> str:
    return (
        f"Percent. Protocol: {experiment.protocol}. Chance {percent(experiment.chance)}. "
        "Mean over seeds ± the standard deviation of one. mAP is exact over ties. Distinct: "
        "share of the gallery's codes that differ."
    )


def _circumstances(experiment: Experiment) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in experiment.versions.items())
    return f"{experiment.machine}; {versions}; {experiment.seconds / 60:.0f} minutes in all."


def percent(fraction: float) -> str:
    """A fraction in percent, one decimal place."""
    return f"{100 * fraction:.1f}"


def _columns(experiment: Experiment) -> list[_Column]:
    rows = experiment.rows
    columns: list[_Column] = [
        ("method", lambda row: row.method),
        ("bits", lambda row: str(row.bits)),
    ]
    if any(row.noise is not None for row in rows):
        columns.append(("noise", lambda row: "" if row.noise is None else f"{row.noise:.3g}"))
        columns.append(("capacity", _capacity))
    columns += [
        ("learns", lambda row: "head" if row.frozen else "network"),
        ("mAP", lambda row: _figure(row.map)),
        ("mAP@1000", lambda row: _figure(row.map_at_1000)),
        ("distinct", lambda row: percent(row.distinct.mean)),
    ]
    if any(row.linear for row in rows):
        columns.append(("linear", lambda row: _figure(row.linear) if row.linear else ""))
    if any(row.published for row in rows):
        columns.append(("poster mAP", lambda row: percent(row.published) if row.published else ""))
    columns += [
        ("seeds", lambda row: str(row.seeds)),
        ("seconds", lambda row: f"{row.seconds:.0f}"),
    ]
    return columns


def _capacity(row: Row) -> str:
    return "" if row.capacity is None else f"{row.capacity:.1f}"


def _figure(figure: Figure) -> str:
    spread = "" if figure.spread is None else f" ± {percent(figure.spread)}"
    return percent(figure.mean) + spread


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
