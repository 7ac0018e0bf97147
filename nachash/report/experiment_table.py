"""An experiment as a table: text for a terminal, Markdown for a page."""

from collections.abc import Callable, Sequence

from nachash.experiment_records import Experiment, Figure, Row
from nachash.report.table import table_text

_Column = tuple[str, Callable[[Row], str]]


def text(experiment: Experiment) -> str:
    """The table, the failed cells, and what it was measured with."""
    columns = _columns(experiment)
    rows = [[value(row) for _, value in columns] for row in experiment.rows]
    parts = [f"{one.cell.name} failed: {one.reason}" for one in experiment.failed]
    if rows:
        title = f"{experiment.title}: {experiment.dataset}"
        parts.insert(0, table_text(title, [name for name, _ in columns], rows))
        parts.append(f"protocol {experiment.protocol}; chance {percent(experiment.chance)} %")
    return "\n".join(parts)


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
        "Mean over seeds ± the standard deviation of one. mAP is exact over ties."
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
