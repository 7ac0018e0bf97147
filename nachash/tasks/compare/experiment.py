"""Cells of an experiment -> rows with mean and spread, beside the poster's figures."""

import statistics
from collections.abc import Sequence

import numpy as np

from nachash.results import published
from nachash.results.compare import Experiment, Failed, Figure, Measured, Row
from nachash.tasks.environment import describe_machine, list_versions


def experiment(
    title: str,
    command: str,
    dataset: str,
    cells: Sequence[Measured],
    failed: Sequence[Failed],
    seconds: float,
) -> Experiment:
    """The record of what was run; rows in the order in which their cells come."""
    groups: dict[tuple[str, int, float | None], list[Measured]] = {}
    for one in cells:
        groups.setdefault((one.cell.method, one.cell.bits, one.cell.noise), []).append(one)
    return Experiment(
        title=title,
        command=command,
        dataset=dataset,
        protocol=cells[0].protocol if cells else "",
        chance=cells[0].chance if cells else float("nan"),
        rows=tuple(_row(dataset, group) for group in groups.values()),
        cells=tuple(cells),
        failed=tuple(failed),
        machine=describe_machine(),
        versions=list_versions(),
        seconds=seconds,
    )


def _row(dataset: str, group: Sequence[Measured]) -> Row:
    first = group[0]
    linear = [one.linear for one in group if one.linear is not None]
    return Row(
        method=first.cell.method,
        bits=first.cell.bits,
        noise=first.noise,
        capacity=first.capacity,
        seeds=len(group),
        frozen=first.frozen,
        map=figure([one.map for one in group]),
        map_at_1000=figure([one.map_at_1000 for one in group]),
        distinct=figure([one.distinct / one.gallery for one in group]),
        linear=figure(linear) if linear else None,
        seconds=float(np.mean([one.seconds for one in group])),
        published=published.MAP.get(dataset, {}).get(first.cell.method),
    )


def figure(values: Sequence[float]) -> Figure:
    """Mean, and the standard deviation of a sample where there is more than one value."""
    spread = statistics.stdev(values) if len(values) > 1 else None
    return Figure(statistics.fmean(values), spread)
