"""Comparisons: cells are trained and measured once, failures do not spread, seeds are averaged."""

import json
import math
import statistics
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nachash.datasets import digits
from nachash.errors import ExistsError, InterruptedRunError, UsageError
from nachash.records import silent, to_json
from nachash.report import experiment_plot, experiment_table
from nachash.results.compare import Cell, Experiment, Measured
from nachash.tasks.compare import cells as runner
from nachash.tasks.compare.compare import CompareSettings, compare
from nachash.tasks.compare.experiment import experiment
from nachash.tasks.evaluate.evaluate import EvaluateSettings, evaluate
from nachash.tasks.train.settings import TrainSettings


def settings(out: Path, **changes: Any) -> CompareSettings:
    common = TrainSettings(dataset="digits", epochs=1, workers=0, backbone="small", size=8)
    return CompareSettings(
        **{"common": common, "methods": ("nac", "simclr"), "bits": (16,), "out": out, **changes}
    )


def run(given: CompareSettings) -> Experiment:
    return compare(given)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[CompareSettings, Experiment]:
    out = tmp_path_factory.mktemp("compare") / "cells"
    given = settings(out, seeds=2, particular={"simclr": {"temperature": 0.3, "noise": "auto"}})
    return given, run(given)


def test_every_method_has_a_row_with_the_mean_over_its_seeds(
    compared: tuple[CompareSettings, Experiment],
) -> None:
    _, result = compared

    assert result.failed == ()
    assert [(row.method, row.bits, row.seeds) for row in result.rows] == [
        ("nac", 16, 2),
        ("simclr", 16, 2),
    ]
    for row in result.rows:
        of_row = [cell.map for cell in result.cells if cell.cell.method == row.method]
        assert row.map.mean == pytest.approx(sum(of_row) / 2)
        assert row.map.spread == pytest.approx(statistics.stdev(of_row))
        assert 0.05 < row.map.mean < 1


def test_the_figures_of_a_cell_are_those_of_eval_map(
    compared: tuple[CompareSettings, Experiment],
) -> None:
    _, result = compared
    cell = result.cells[0]

    scores = evaluate(EvaluateSettings(dataset="digits", model=Path(cell.model), workers=0))

    assert cell.map == scores.map
    assert cell.chance == scores.chance
    assert cell.protocol == scores.protocol


def test_another_protocol_is_that_of_training_too(tmp_path: Path, noise_images: Any) -> None:
    for part, count in (("train", 4), ("test", 1)):
        for name in ("cat", "dog"):
            noise_images(tmp_path / "cifar" / part / name, count)
    common = TrainSettings(
        dataset="cifar10",
        data_root=tmp_path / "cifar",
        protocol="I",
        epochs=1,
        batch_size=4,
        workers=0,
        backbone="small",
        size=32,
    )

    result = run(settings(tmp_path / "cells", common=common, methods=("simclr",)))

    (cell,) = result.cells
    assert cell.protocol.startswith("cifar10 I: ")
    data = json.loads(Path(cell.model, "config.json").read_text())["data"]
    assert data["rule"].startswith("training part of I: ")
    assert data["images"] == 8


def test_settings_of_one_method_reach_its_cells_only(
    compared: tuple[CompareSettings, Experiment],
) -> None:
    given, _ = compared

    def recorded(name: str) -> dict[str, Any]:
        path = Path(str(given.out)) / "models" / name / "config.json"
        found: dict[str, Any] = json.loads(path.read_text())["method_settings"]
        return found

    assert recorded("simclr-16-s0")["temperature"] == 0.3
    assert "temperature" not in recorded("nac-16-s0")


def test_finished_cells_are_not_computed_again(
    compared: tuple[CompareSettings, Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    given, result = compared
    monkeypatch.setattr(runner, "train", lambda *_, **__: pytest.fail("trained again"))

    again = run(given)

    assert again.cells == result.cells


def test_a_model_without_figures_is_measured_and_not_trained_again(
    compared: tuple[CompareSettings, Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    given, result = compared
    monkeypatch.setattr(runner, "train", lambda *_, **__: pytest.fail("trained again"))
    (Path(str(given.out)) / "cells" / "nac-16-s1.json").write_text('{"settings": {}')

    assert run(given).cells == result.cells


def test_figures_of_other_settings_are_neither_used_nor_replaced(
    compared: tuple[CompareSettings, Experiment],
) -> None:
    given, _ = compared
    other = replace(given, common=replace(given.common, epochs=2))

    with pytest.raises(ExistsError, match="holds figures of other settings") as caught:
        run(other)

    assert "--out" in caught.value.hint


def test_a_failed_cell_is_reported_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = runner.train

    def breaks_with_nac(asked: TrainSettings, **rest: Any) -> Any:
        if asked.method == "nac":
            raise RuntimeError("no luck")
        return train(asked, **rest)

    monkeypatch.setattr(runner, "train", breaks_with_nac)

    result = run(settings(tmp_path / "cells"))

    assert [row.method for row in result.rows] == ["simclr"]
    assert [(one.cell.name, one.reason) for one in result.failed] == [
        ("nac-16-s0", "unexpected RuntimeError: no luck")
    ]
    assert "nac-16-s0 failed: unexpected RuntimeError: no luck" in experiment_table.text(result)


def test_an_interruption_ends_the_comparison_and_loses_no_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = runner.train

    def interrupted(asked: TrainSettings, **rest: Any) -> Any:
        if asked.method == "simclr":
            raise InterruptedRunError("interrupted")
        return train(asked, **rest)

    given = settings(tmp_path / "cells")
    monkeypatch.setattr(runner, "train", interrupted)
    with pytest.raises(InterruptedRunError):
        run(given)

    def only_simclr(asked: TrainSettings, **rest: Any) -> Any:
        assert asked.method == "simclr"
        return train(asked, **rest)

    monkeypatch.setattr(runner, "train", only_simclr)
    assert len(run(given).rows) == 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"methods": ("nac", "nacc")}, "'nacc' is not one of the methods"),
        ({"particular": {"moco": {}}}, "'moco' is not one of the methods"),
        ({"methods": ("nac",), "particular": {"simclr": {}}}, "which is not compared"),
        ({"particular": {"nac": {"temperature": 1}}}, "has no setting 'temperature'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        run(settings(tmp_path / "cells", **changes))


def invented(method: str, bits: int, seed: int, noise: float | None, figure: float) -> Measured:
    return Measured(
        cell=Cell(method, bits, seed, noise),
        model="",
        encoder_sha256="",
        backbone="small",
        frozen=method == "itq",
        noise=noise,
        capacity=None if noise is None else bits * (0.5 - noise),
        map=figure,
        map_at_1000=figure + 0.1,
        chance=0.1,
        gallery=20,
        distinct=10,
        linear=1 - figure,
        protocol="cifar10 II",
        seconds=60.0,
    )


def test_the_table_names_the_figures_of_the_poster_where_there_are_some() -> None:
    cells = [invented("nac", 16, seed, 0.3, 0.2 + seed / 100) for seed in range(3)]
    cells.append(invented("itq", 16, 0, None, 0.25))
    result = experiment("Methods compared", "nachash compare", "cifar10", cells, [], 120.0)

    table = experiment_table.markdown(result)

    assert "| nac | 16 | 0.3 | 3.2 | network | 21.0 ± 1.0 | 31.0 ± 1.0 |" in table
    assert "| 40.5 | 3 | 60 |" in table
    assert "| itq | 16 |  |  | head | 25.0 | 35.0 | 50.0 | 75.0 |  | 1 | 60 |" in table
    assert "Chance 10.0." in table
    assert math.isclose(json.loads(to_json(result))["rows"][0]["map"]["mean"], 0.21)


def test_pictures_show_every_method_and_every_length(tmp_path: Path) -> None:
    cells = [
        invented(method, bits, 0, noise, 0.2)
        for method in ("nac", "itq")
        for noise in (0.1, 0.4)
        for bits in (16, 64)
    ]
    result = experiment("t", "c", "digits", cells, [], 1.0)

    experiment_plot.against_bits(result, tmp_path / "bits.png")
    experiment_plot.against_noise(result, tmp_path / "noise.svg")

    assert (tmp_path / "bits.png").stat().st_size > 5000
    drawn = (tmp_path / "noise.svg").read_text()
    assert "svg" in drawn


def test_settings_that_do_not_change_figures_are_not_part_of_a_cells_recipe(
    tmp_path: Path,
) -> None:
    def recipe(**changes: Any) -> dict[str, Any]:
        common = TrainSettings(dataset="digits", **changes)
        one = runner.Runner(
            folder=tmp_path, common=common, particular={}, protocol="",
            measure=lambda *_: SimpleNamespace(), progress=silent,
        )  # fmt: skip
        return one._recipe(Cell("nac", 16, 0))

    assert recipe(workers=0, device="cpu") == recipe(workers=2)
    assert recipe(epochs=1) != recipe(epochs=2)


def test_a_model_of_another_split_is_counted_when_it_is_measured(
    compared: tuple[CompareSettings, Experiment], said: list[str]
) -> None:
    _, result = compared

    scores = evaluate(
        EvaluateSettings(dataset="digits", model=Path(result.cells[0].model), workers=0, seed=3)
    )

    protocol = digits.load().protocols["50-per-class"]
    seen = len(set(protocol(0).train.tolist()) & set(protocol(3).query.tolist()))
    assert scores.seen == seen > 300
    assert said[-1] == (
        f"warning: the model was trained, without labels, on {seen} of the 500 queries: "
        "this is no measure of unseen images"
    )
