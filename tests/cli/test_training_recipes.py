"""Recipes: each is understood whole, and flags win over it."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from nachash import plugins, recipes
from nachash.cli import train as train_command
from nachash.results.train import Training
from nachash.tasks.train import settings as train_settings
from nachash.tasks.train import train as train_task
from nachash.tasks.train.settings import TrainSettings

RESULT = Training(
    directory="d", method="nac", backbone="small", frozen=False, bits=64, size=32,
    flip_probability=0.4, images=1, skipped=(), steps=1, epochs=1.0, loss=0.0,
    mutual_information=None, capacity=None, onnx_flip_rate=0.0, seconds=0.0,
)  # fmt: skip


def asked(monkeypatch: pytest.MonkeyPatch, *arguments: str, failing: bool = False) -> Any:
    """The settings that reach the task, or what is said instead."""
    seen: list[TrainSettings] = []

    def remember(settings: TrainSettings, **_: Any) -> Training:
        seen.append(settings)
        return RESULT

    monkeypatch.setattr(train_task, "train", remember)
    program = typer.Typer()
    program.command()(train_command.command)
    result = CliRunner().invoke(program, arguments, env={"COLUMNS": "200", "NO_COLOR": "1"})
    if failing:
        assert result.exit_code == 2
        return " ".join(result.output.replace("│", " ").split())
    assert result.exit_code == 0, result.output
    return seen[0]


def comment_of(name: str) -> list[str]:
    """The lines of the comment that a recipe begins with."""
    text = (Path(str(recipes.__file__)).parent / f"{name}.toml").read_text()
    lines = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
    return [line.removeprefix("#").removeprefix(" ") for line in lines]


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_is_understood(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = asked(monkeypatch, "--recipe", name)

    method = plugins.load("methods", settings.method)
    assert train_settings.method_settings(method, settings) is not None


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_says_what_it_is(name: str) -> None:
    first, second, *_ = comment_of(name)

    assert re.fullmatch(r"[A-Z].{30,}", first)
    assert first.endswith(".") or second


@pytest.mark.parametrize("name", [n for n in recipes.names() if n.startswith("paper-")])
def test_every_published_experiment_names_its_figure_and_has_a_small_twin(name: str) -> None:
    text = "\n".join(comment_of(name))

    assert "Poster:" in text
    assert f"--recipe {name}" in text
    assert name.replace("paper-", "cpu-") in recipes.names()


def test_a_recipe_gives_what_was_published(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = asked(monkeypatch, "--recipe", "paper-cifar10-hash")

    assert (settings.dataset, settings.backbone, settings.bits) == ("cifar10", "vgg16", 128)
    assert (settings.epochs, settings.batch_size, settings.noise) == (2000, 1000, 0.4)
    assert (settings.optimiser, settings.learning_rate) == ("nac-lars", 3)
    assert (settings.precision, settings.norm_groups, settings.weight_decay) == ("fp32", 8, 1e-6)
    assert (settings.head, settings.method_settings) == ("scaled", {"posterior": "network"})
    assert settings.freeze is False


def test_flags_win_over_a_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = asked(
        monkeypatch, "--bits", "32", "--recipe", "paper-cifar10-hash", "--set", "posterior=code"
    )

    assert (settings.bits, settings.epochs) == (32, 2000)
    assert settings.method_settings == {"posterior": "code"}


def test_a_recipe_of_ones_own_is_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('method = "simclr"\nset = ["temperature=0.2"]\nlearning-rate = 0.01\n')

    settings = asked(monkeypatch, "--recipe", str(path))

    assert (settings.method, settings.learning_rate) == ("simclr", 0.01)
    assert settings.method_settings == {"temperature": 0.2}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("bitz = 3", "has 'bitz', which is not an option of `nachash train`; did you mean bits?"),
        ("bits = ", "is not valid TOML"),
    ],
)
def test_a_file_with_mistakes_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, sentence: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)

    assert sentence in asked(monkeypatch, "--recipe", str(path), failing=True)


def test_an_unknown_recipe_is_refused_with_the_closest_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = asked(monkeypatch, "--recipe", "paper-cifar10-hahs", failing=True)

    assert "did you mean paper-cifar10-hash?" in said


def test_a_flag_for_the_length_sets_aside_that_of_the_recipe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for recipe, flag in (('budget = "5s"', "--epochs=3"), ("epochs = 7", "--budget=4s")):
        path = tmp_path / "mine.toml"
        path.write_text(recipe + "\n")

        settings = asked(monkeypatch, "--recipe", str(path), flag)

        assert (settings.epochs, settings.budget) in ((3, None), (None, 4.0))
        assert (settings.epochs == 3) == flag.startswith("--epochs")
    refused = asked(monkeypatch, "--epochs=3", "--budget=4s", failing=True)
    assert "goes without --epochs" in refused
