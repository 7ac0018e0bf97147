"""Runs that are interrupted, by signals and by death, and taken up again."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from nachash.errors import (
    DamagedError,
    ExistsError,
    IncompatibleError,
    InterruptedRunError,
    MissingError,
    StorageError,
    UsageError,
)
from nachash.tasks.train.train import TrainSettings, train

pytestmark = pytest.mark.usefixtures("ctrl_c")

STEPS = 12  # 24 images in batches of 8, four epochs
SETTINGS = {"images": "images", "epochs": 4, "batch_size": 8, "bits": 8, "device": "cpu"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    for number in range(24):
        pixels = rng.integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number:02d}.png")
    return tmp_path


def settings(**changes):
    return TrainSettings(**{**SETTINGS, "workers": 0, "save_every": "1", **changes})


def stopped_at(step, sign=signal.SIGTERM):
    """A progress that sends this process a signal after a step."""

    def progress(stage, done, total, **numbers):
        if stage == "train" and done == step:
            signal.raise_signal(sign)

    return progress


def interrupted(step, **changes):
    with pytest.raises(InterruptedRunError, match=f"after step {step}"):
        train(settings(**changes), progress=stopped_at(step))


@pytest.mark.parametrize(("step", "sign"), [(1, signal.SIGINT), (5, signal.SIGTERM)])
def test_a_run_taken_up_again_gives_the_weights_of_one_never_interrupted(folder, step, sign):
    train(settings(out=Path("whole")))
    with pytest.raises(InterruptedRunError) as caught:
        train(settings(out=Path("model")), progress=stopped_at(step, sign))
    assert caught.value.exit_code == 130
    assert not Path("model").exists()
    seen = []

    result = train(
        settings(out=Path("model"), resume=True),
        progress=lambda stage, done, total, **numbers: seen.append((stage, done)),
    )

    assert ("train", step + 1) in seen
    assert ("train", step) not in seen
    assert result.steps == STEPS
    expected, found = (load_file(Path(name, "model.safetensors")) for name in ("whole", "model"))
    assert all(np.array_equal(expected[name], found[name]) for name in expected)
    assert not Path("model.unfinished").exists()
    assert not Path("model/settings.json").exists()


def test_a_killed_process_costs_no_more_than_the_interval(folder):
    arguments = [
        "train", "images", "--epochs", "4", "--batch-size", "8", "--bits", "8", "--device", "cpu",
        "--save-every", "2", "--out", "model",
    ]  # fmt: skip
    killer = (
        "import os, signal, sys\n"
        "from nachash.training import metrics_log\n"
        "note = metrics_log.MetricsLog.note\n"
        "def deadly(self, step, steps, figures):\n"
        "    note(self, step, steps, figures)\n"
        "    if step == 7: os.kill(os.getpid(), signal.SIGKILL)\n"
        "metrics_log.MetricsLog.note = deadly\n"
        "from nachash.cli._app import main\n"
        "main()\n"
    )
    dead = subprocess.run(
        [sys.executable, "-c", killer, *arguments], capture_output=True, check=False
    )
    assert dead.returncode == -signal.SIGKILL

    train(settings(out=Path("whole")))
    seen = []
    train(
        TrainSettings(resume=True, out=Path("model"), save_every="2"),
        progress=lambda stage, done, total, **numbers: seen.append((stage, done)),
    )

    assert min(done for stage, done in seen if stage == "train") == 7
    expected, found = (load_file(Path(name, "model.safetensors")) for name in ("whole", "model"))
    assert all(np.array_equal(expected[name], found[name]) for name in expected)


def test_a_run_killed_before_its_first_checkpoint_can_be_begun_again(folder):
    killer = (
        "import os, signal\n"
        "from nachash.training import loop\n"
        "loop.train = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from nachash.cli._app import main\n"
        "main()\n"
    )
    arguments = ["train", "images", "--bits", "8", "--device", "cpu", "--out", "model"]
    subprocess.run([sys.executable, "-c", killer, *arguments], capture_output=True, check=False)
    assert Path("model.unfinished/settings.json").is_file()

    with pytest.raises(ExistsError):
        train(settings(out=Path("model")))
    with pytest.raises(MissingError, match="no interrupted run"):
        train(settings(out=Path("model"), resume=True))

    assert train(settings(out=Path("model"), overwrite=True)).steps == STEPS


def test_an_interruption_before_the_first_step_ends_the_run_at_once(folder):
    def progress(stage, done, total, **numbers):
        assert stage == "decode"
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(settings(out=Path("model")), progress=progress)

    assert not Path("model.unfinished").exists()


def test_a_signal_that_was_ignored_at_the_start_stays_so(folder):
    """As for a background job of a script, whose foreground Ctrl-C ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    result = train(settings(out=Path("model"), epochs=1), progress=stopped_at(1, signal.SIGINT))

    assert result.steps == 3
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_without_a_name_the_newest_interrupted_run_goes_on(folder, said):
    interrupted(2)
    assert Path("runs/images-nac-8.unfinished").is_dir()
    interrupted(3)
    assert Path("runs/images-nac-8-2.unfinished").is_dir()
    time.sleep(0.01)

    result = train(TrainSettings(resume=True))

    assert result.directory == "runs/images-nac-8-2"
    assert said[0] == "resuming runs/images-nac-8-2"
    assert result.bits == 8


def test_what_cannot_be_resumed_is_told_in_one_sentence(folder):
    with pytest.raises(MissingError, match="no interrupted run"):
        train(settings(resume=True))
    interrupted(2, out=Path("model"))
    checkpoint = Path("model.unfinished/checkpoint.pt")

    with pytest.raises(UsageError, match="began with bits 8, not 16"):
        train(settings(out=Path("model"), resume=True, bits=16))
    with pytest.raises(ExistsError, match="interrupted"):
        train(settings(out=Path("model")))
    good = checkpoint.read_bytes()
    checkpoint.write_bytes(good[:-100])
    with pytest.raises(DamagedError, match="not a checkpoint"):
        train(settings(out=Path("model"), resume=True))
    checkpoint.write_bytes(good)
    Image.new("RGB", (32, 32)).save("images/00.png")
    with pytest.raises(IncompatibleError, match="images have changed"):
        train(settings(out=Path("model"), resume=True))
    assert checkpoint.read_bytes() == good

    result = train(settings(out=Path("model"), overwrite=True))
    assert result.steps == STEPS


@pytest.mark.parametrize("how", ["resume", "overwrite"])
def test_a_run_under_way_is_neither_taken_up_nor_begun_again(folder, how):
    interrupted(2, out=Path("model"))
    met = []

    def progress(stage, done, total, **numbers):
        if stage == "train" and done == 5:
            with pytest.raises(StorageError, match="another process trains") as caught:
                train(settings(out=Path("model"), **{how: True}))
            met.append(caught.value)

    train(settings(out=Path("model"), resume=True), progress=progress)

    assert len(met) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["images", "model", "runs"]


def test_a_full_disk_keeps_the_last_good_checkpoint(folder, monkeypatch, said):
    from nachash.training import checkpoint

    write = checkpoint.write

    def full_from_step_five(path, state):
        if state["step"] >= 5:
            raise StorageError(f"{path} cannot be written: No space left on device")
        write(path, state)

    monkeypatch.setattr(checkpoint, "write", full_from_step_five)
    with pytest.raises(StorageError, match="No space left"):
        train(settings(out=Path("model")))

    assert "training goes on" in said[0]
    assert checkpoint.read(Path("model.unfinished/checkpoint.pt"))["step"] == 4
    monkeypatch.setattr(checkpoint, "write", write)
    train(settings(out=Path("whole")))
    train(settings(out=Path("model"), resume=True))
    expected, found = (load_file(Path(name, "model.safetensors")) for name in ("whole", "model"))
    assert all(np.array_equal(expected[name], found[name]) for name in expected)


def test_a_checkpoint_on_a_full_device_is_an_error_and_the_old_one_stays(tmp_path, monkeypatch):
    from nachash import complete_file
    from nachash.training import checkpoint

    path = tmp_path / "checkpoint.pt"
    checkpoint.write(path, {"step": 1})

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(complete_file.os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        checkpoint.write(path, {"step": 2})

    assert checkpoint.read(path) == {"step": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize(
    "content", [b"", b"no checkpoint", b"\x80\x04cposix\nsystem\n(S'false'\ntR."]
)
def test_a_file_that_is_no_checkpoint_is_refused_and_runs_nothing(tmp_path, content):
    from nachash.training import checkpoint

    path = tmp_path / "checkpoint.pt"
    path.write_bytes(content)

    with pytest.raises(DamagedError, match="not a checkpoint"):
        checkpoint.read(path)


@pytest.mark.parametrize("save_every", ["0", "often", "-3", "5 minutes", ""])
def test_an_interval_is_steps_or_a_time(folder, save_every):
    with pytest.raises(UsageError):
        train(settings(save_every=save_every))
    assert not Path("runs").exists() or list(Path("runs").iterdir()) == []
