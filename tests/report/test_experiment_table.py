"""The table of an experiment fits the terminal; no word is broken."""

import pytest

from nachash.report import experiment_table
from nachash.results.compare import Cell, Experiment, Failed, Figure, Row

METHODS = ("nac", "simclr", "distillhash")


def experiment(*, failed=()):
    """Three methods with every figure that there can be."""
    rows = tuple(
        Row(
            method=method,
            bits=128,
            noise=0.4,
            capacity=2.1,
            seeds=3,
            frozen=True,
            map=Figure(0.4136, 0.0071),
            map_at_1000=Figure(0.4522, 0.0113),
            distinct=Figure(0.98, 0.001),
            linear=Figure(0.7011, 0.0022),
            seconds=1234.5,
            published=0.405,
        )
        for method in METHODS
    )
    return Experiment(
        title="comparison",
        command="nachash compare",
        dataset="cifar10",
        protocol="II",
        chance=0.1,
        rows=rows,
        cells=(),
        failed=failed,
        machine="a machine",
        versions={"numpy": "2"},
        seconds=60.0,
    )


@pytest.mark.parametrize("room", [40, 60, 80, 100, 200])
def test_no_line_is_longer_than_the_terminal_and_no_word_is_broken(room):
    lines = experiment_table.text(experiment(), room).splitlines()

    drawn = [line for line in lines if not line.startswith(("no room", "protocol"))]
    assert max(map(len, drawn)) <= room
    for method in METHODS:
        (row,) = [line for line in drawn if line.split() and line.split()[0] == method]
        assert row.index("128") < row.index("41.4 ± 0.7")


def test_what_is_left_out_is_said_and_nothing_is_where_there_is_room():
    names = (
        "noise",
        "capacity",
        "learns",
        "mAP@1000",
        "distinct",
        "linear",
        "poster mAP",
        "seeds",
        "seconds",
    )
    *table, told, _ = experiment_table.text(experiment(), 80).splitlines()
    (heading,) = [line for line in table if "method" in line]

    assert "mAP@1000" in heading
    assert told.startswith("no room for ")
    assert [name for name in names if name not in heading] == told.split(": ")[0].removeprefix(
        "no room for "
    ).split(", ")
    for room in (200, None):
        everything = experiment_table.text(experiment(), room)
        assert "no room" not in everything
        assert all(name in everything for name in names)


def test_a_failed_cell_is_told_without_any_row():
    failed = Failed(Cell("nac", 16, 0), "no luck")

    assert "nac-16-s0 failed: no luck" in experiment_table.text(experiment(failed=(failed,)), 80)
