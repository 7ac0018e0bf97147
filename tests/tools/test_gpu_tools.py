"""The GPU's checks and the poster's rows run on a CPU in small, and skip without a GPU."""

import importlib.util
import json
import signal
from pathlib import Path
from types import ModuleType

import pytest
import torch

from nachash import plugins
from nachash.tasks.train.method_settings import settings_of

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["gpu_check", "gpu_poster"])
def test_without_a_gpu_they_say_so_in_a_line(name, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.chdir(tmp_path)

    assert loaded(name).main([]) == 0

    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("skipped, torch sees no GPU on this machine")
    assert list(tmp_path.iterdir()) == []


def test_a_cpu_equals_itself(capsys):
    assert loaded("gpu_check").main(["--device", "cpu", "--small"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["ok"] * 4
    assert ": 0, at most" in lines[1]
    assert lines[-1].split(":")[0].strip() == "throughput of the loop to the bare step"


def test_a_device_that_computes_something_else_is_told(monkeypatch, capsys):
    check = loaded("gpu_check")
    monkeypatch.setattr(check, "flipped", lambda *_: 0.25)

    assert check.main(["--device", "cpu", "--small"]) == 1
    assert "DIFFERS bits of 64 images, share: 0.25" in capsys.readouterr().out


def test_every_row_of_the_poster_asks_for_settings_that_its_method_has():
    for _, arguments in loaded("gpu_poster").ROWS.values():
        pairs = dict(zip(arguments[::2], arguments[1::2], strict=True))
        known = settings_of(plugins.load("methods", pairs.get("--method", "nac")))
        for name, value in zip(arguments[::2], arguments[1::2], strict=True):
            assert name != "--set" or value.split("=")[0] in known
        assert ("noise" in known) != ("--noise" in pairs)  # the recipe has a noise


@pytest.mark.slow
def test_a_part_that_is_over_is_taken_up_by_the_next(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("NACHASH_CIFAR10", raising=False)
    poster = loaded("gpu_poster")
    call = ["--device", "cpu", "--small", "--rows", "nac,simclr", "--out", str(tmp_path)]
    asked = []
    whole = poster._nachash
    monkeypatch.setattr(poster, "_nachash", lambda *a: asked.append(a) or whole(*a))

    assert poster.main([*call, "--minutes", "0"]) == 3
    assert "not finished: nac, simclr" in capsys.readouterr().out
    assert poster.main([*call, "--minutes", "10"]) == 0
    table = capsys.readouterr().out
    asked.clear()
    assert poster.main([*call, "--minutes", "0"]) == 0

    assert capsys.readouterr().out == table
    assert asked == []
    assert "| nac | 40.5 |" in table
    figures = json.loads((tmp_path / "nac.json").read_text())
    assert figures["authors"]["score"] == "dot01"


def test_a_training_is_interrupted_as_by_ctrl_c(tmp_path, monkeypatch):
    """A child that keeps its state at SIGINT ends with 130, which is no failure."""
    poster = loaded("gpu_poster")
    child = "import signal, sys, time\ntry: time.sleep(60)\nexcept KeyboardInterrupt: sys.exit(130)"
    monkeypatch.setattr(poster, "_nachash", lambda *_: [poster.sys.executable, "-c", child])
    part = poster.Poster(tmp_path, "cpu", small=True, data_root=None, deadline=0.0)
    before = signal.getsignal(signal.SIGINT)

    assert part.trained("nac") is False
    assert signal.getsignal(signal.SIGINT) is before
