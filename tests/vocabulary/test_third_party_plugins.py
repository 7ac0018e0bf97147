"""Plugins that other packages bring, by the example package of docs/plugins.md."""

import importlib.metadata
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from nachash import plugins
from nachash.errors import IncompatibleError

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "nachash-spectral"


def install(package: Path, site: Path) -> None:
    """What pip leaves of a package with one module: the module and its entry points."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    for module in package.glob("*.py"):
        shutil.copy(module, site)
    described = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {module}\n" for name, module in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (described / "entry_points.txt").write_text("\n".join(groups))


@pytest.fixture
def example(tmp_path, monkeypatch):
    install(EXAMPLE, tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("nachash_spectral", None)


def test_an_installed_package_adds_a_method(example):
    assert "spectral" in plugins.names("methods")
    assert plugins.summary("methods", "spectral").startswith("Spectral: ")
    assert "nachash_spectral" not in sys.modules
    assert plugins.load("methods", "spectral").__name__ == "nachash_spectral"


def test_its_loss_is_the_published_one(example):
    torch = pytest.importorskip("torch")
    one, other = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    expected = -2 * sum(float(one[i] @ other[i]) for i in range(5)) / 5
    expected += (
        sum(float(one[i] @ other[j]) ** 2 for i in range(5) for j in range(5) if i != j) / 20
    )

    loss = plugins.load("methods", "spectral").spectral_loss(one, other, repulsion=1.0)

    assert float(loss) == pytest.approx(expected)


def test_training_takes_the_method_and_its_settings(example, tmp_path):
    from nachash.tasks.train.settings import TrainSettings
    from nachash.tasks.train.train import train

    settings = TrainSettings(
        dataset="digits",
        method="spectral",
        method_settings={"repulsion": 2.0},
        bits=16,
        limit=64,
        batch_size=32,
        epochs=1,
        out=tmp_path / "model",
    )
    result = train(settings)

    assert result.method == "spectral"
    assert '"repulsion": 2.0' in (tmp_path / "model" / "config.json").read_text()


def test_a_name_of_ours_cannot_be_taken_over(tmp_path, monkeypatch):
    described = tmp_path / "other-1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: other\n")
    (described / "entry_points.txt").write_text("[nachash.exports]\nnpy = nowhere\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert plugins.load("exports", "npy").__name__ == "nachash.exports.npy"
    assert plugins.names("exports").count("npy") == 1


def test_a_plugin_that_cannot_be_imported_names_its_package(tmp_path, monkeypatch):
    described = tmp_path / "other-1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: other\n")
    (described / "entry_points.txt").write_text("[nachash.exports]\nodd = nowhere_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(IncompatibleError) as raised:
        plugins.load("exports", "odd")
    assert "package other" in raised.value.sentence
    assert raised.value.hint == "pip install --upgrade other"


def test_folders_without_plugins_elsewhere_do_not_look_for_any(monkeypatch):
    def refuse(**_: str) -> None:
        raise AssertionError("entry points were read")

    monkeypatch.setattr(importlib.metadata, "entry_points", refuse)

    plugins.load("engines", "faiss-flat")
    assert plugins.names("cli")
