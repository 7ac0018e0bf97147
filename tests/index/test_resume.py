"""An encoding that is interrupted ends, when it is typed again, as if nothing had happened."""

import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from nachash.errors import ExistsError, InterruptedRunError, MissingError, NachashError
from nachash.index.reader import open_index
from nachash.records import silent
from nachash.tasks.encode.encode import EncodeSettings, encode
from nachash.tasks.index.verify import VerifySettings, verify


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """150 pictures in two folders, seven of them damaged."""
    folder = tmp_path_factory.mktemp("many")
    generator = np.random.default_rng(0)
    for number in range(150):
        path = folder / f"{number % 2}" / f"{number:03}-{'long name ' * 15}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (9, 9, 3), np.uint8)).save(path)
        if number % 20 == 13:
            path.write_bytes(path.read_bytes()[:70])
    return folder


@pytest.fixture(scope="module")
def whole(many, tiny_model, tmp_path_factory):
    """What an uninterrupted run gives."""
    out = tmp_path_factory.mktemp("whole") / "out.h5"
    encode(settings(many, out, tiny_model))
    return everything(out)


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("NACHASH_STATE", str(tmp_path / "state"))


def settings(images, out, model, **more):
    return EncodeSettings(images=str(images), out=out, model=model, batch_size=8, workers=0, **more)


def everything(path):
    """Every data set and attribute; those of a file are the same when its content is."""
    with h5py.File(path, "r") as file:
        found = {**file.attrs, "identity": "random", "commit_digest": "with it"}

        def visit(name, item):
            if isinstance(item, h5py.Dataset):
                found[name] = item[:].tolist()

        file.visititems(visit)
    return found


def committed(path):
    try:
        with open_index(path) as index:
            return index.rows
    except NachashError:
        return 0


class Stop:
    """A progress that interrupts after some batches, and counts images that were encoded."""

    def __init__(self, batches):
        self.batches, self.first, self.last = batches, None, 0

    def __call__(self, stage, done, total, **numbers):
        self.first = done if self.first is None else self.first
        self.last = done
        self.batches -= 1
        if not self.batches:
            raise KeyboardInterrupt


@pytest.mark.parametrize("batches", [1, 5, 18])
@pytest.mark.parametrize("resume", [False, True])
def test_ctrl_c_then_the_same_command(many, whole, tiny_model, tmp_path, said, batches, resume):
    out = tmp_path / "out.h5"
    with pytest.raises(InterruptedRunError) as told:
        encode(settings(many, out, tiny_model), progress=Stop(batches))
    there = committed(out)
    counted = Stop(-1)

    result = encode(settings(many, out, tiny_model, resume=resume), progress=counted)

    assert "the same command" in told.value.hint
    assert 0 < there < 143
    assert said == [f"{out} exists: going on with it, {there} images are encoded already"]
    assert (result.added, result.unchanged, result.images) == (143 - there, there, 143)
    assert everything(out) == whole


def test_an_interrupted_run_encodes_nothing_twice(many, tiny_model, tmp_path, monkeypatch):
    out = tmp_path / "out.h5"
    with pytest.raises(InterruptedRunError):
        encode(settings(many, out, tiny_model), progress=Stop(6))
    with open_index(out) as index:
        there = set(index.all_paths())
    from nachash.images.sources import files

    opened = []
    real = files.Files.open
    monkeypatch.setattr(
        files.Files, "open", lambda self, image: opened.append(image.path) or real(self, image)
    )

    encode(settings(many, out, tiny_model))

    assert there.isdisjoint(opened)
    assert len(opened) == 150 - len(there)


def test_an_interrupted_overwrite_goes_on_and_keeps_the_old_index(
    many, whole, tiny_model, tmp_path
):
    out = tmp_path / "out.h5"
    encode(settings(many / "0", out, tiny_model))
    before = out.read_bytes()
    with pytest.raises(InterruptedRunError):
        encode(settings(many, out, tiny_model, overwrite=True), progress=Stop(4))
    assert out.read_bytes() == before

    result = encode(settings(many, out, tiny_model, overwrite=True))

    assert result.unchanged > 0
    assert everything(out) == whole
    assert not list(tmp_path.glob("out.h5.*"))


def test_what_an_old_overwrite_left_is_not_mixed_with_other_images(many, tiny_model, tmp_path):
    out = tmp_path / "out.h5"
    encode(settings(many / "0", out, tiny_model))
    with pytest.raises(InterruptedRunError):
        encode(settings(many / "1", out, tiny_model, overwrite=True), progress=Stop(4))

    result = encode(settings(many / "0", out, tiny_model, overwrite=True))

    assert (result.unchanged, result.added) == (0, result.images)
    with open_index(out) as index:
        assert index.root.endswith("/0")


def test_resume_needs_something_to_go_on_with(many, tiny_model, tmp_path):
    with pytest.raises(MissingError, match="no index"):
        encode(settings(many, tmp_path / "none.h5", tiny_model, resume=True))
    (tmp_path / "text.h5").write_text("mine")
    with pytest.raises(ExistsError, match="cannot be continued"):
        encode(settings(many, tmp_path / "text.h5", tiny_model))
    assert (tmp_path / "text.h5").read_text() == "mine"


def command(many, out, model):
    line = [sys.executable, "-m", "nachash", "encode", many, out, "--model", model]
    return [*map(str, line), "--batch-size", "8", "--workers", "0"]


def kill_campaign(many, whole, model, folder, kills):
    """Kill encoding processes at random moments until one ends by itself, again and again."""
    moments = random.Random(0)
    killed = 0
    out = folder / "out.h5"
    while killed < kills:
        target = moments.randrange(143)
        with subprocess.Popen(
            command(many, out, model), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as child:
            while child.poll() is None and committed(out) < target:
                time.sleep(0.001)
            child.send_signal(signal.SIGKILL)
        killed += child.returncode == -signal.SIGKILL
        if not out.exists():
            continue
        assert verify(VerifySettings(index=out)).problems == ()
        if moments.random() < 0.3:
            encode(settings(many, out, model))
            assert everything(out) == whole
            out.unlink()
    encode(settings(many, out, model))
    assert everything(out) == whole
    return killed


def test_a_killed_encoding_is_completed(many, whole, tiny_model, tmp_path):
    assert kill_campaign(many, whole, tiny_model, tmp_path, 4) == 4


@pytest.mark.slow
def test_an_encoding_killed_a_hundred_times_is_completed(many, whole, tiny_model, tmp_path):
    assert kill_campaign(many, whole, tiny_model, tmp_path, 100) == 100


def test_an_encoding_that_filled_the_disk_is_completed(many, whole, tiny_model, tmp_path):
    out = tmp_path / "out.h5"
    encode(settings(many, out, tiny_model))
    room = out.stat().st_size * 3 // 2  # enough for the first batches and their journals
    out.unlink()

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    stopped = subprocess.run(
        command(many, out, tiny_model),
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )

    assert stopped.returncode == 1, stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert str(out) in stopped.stderr
    there = committed(out)
    assert 0 < there < 143
    assert encode(settings(many, out, tiny_model), progress=silent).unchanged == there
    assert everything(out) == whole


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no file system known to refuse files")
def test_a_file_system_that_takes_no_file_is_one_sentence(many, tiny_model):
    """Also for root, whom permissions do not stop."""
    with pytest.raises(NachashError, match=r"/proc/out\.h5 cannot be written"):
        encode(settings(many, Path("/proc/out.h5"), tiny_model))
