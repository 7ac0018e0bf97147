"""Ctrl-C and a full disk while encoding: what was committed stays readable."""

import os
import resource
import signal
import subprocess
import time

import numpy as np
import pytest
from PIL import Image
from program import started

from nachash.errors import NachashError
from nachash.index.reader import open_index

pytestmark = pytest.mark.usefixtures("ctrl_c")

LONG = "a-name-of-many-letters" * 8


@pytest.fixture(scope="module")
def many_images(tmp_path_factory):
    """Pictures with long names, so that an index of them grows as it is written."""
    folder = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(0)
    for number in range(600):
        pixels = rng.integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:04}-{LONG}.png")
    return folder


def encoding(cwd, images, out, *options, limit=None):
    """A child that encodes in small batches, perhaps with a limit of bytes per file."""

    def prepare():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return started(
        ["encode", images, out, "--model", "runs/model", "--batch-size", "8", *options],
        cwd,
        env={**os.environ, "NACHASH_STATE": str(out) + ".state"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=prepare,
    )


def rows(path):
    """Images in an index; 0 while it does not exist or is being written."""
    try:
        with open_index(path) as index:
            return index.rows
    except NachashError:
        return 0


def interrupted(child, path):
    """Send Ctrl-C once something is committed; what the child said."""
    while rows(path) == 0 and child.poll() is None:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    return child.communicate()


def test_ctrl_c_leaves_a_readable_index(indexed_digits, many_images, tmp_path):
    out = tmp_path / "o.h5"
    child = encoding(indexed_digits, many_images, out)

    _, told = interrupted(child, out)

    assert child.returncode == 130, told
    assert "interrupted" in told
    assert str(out) in told
    assert "Traceback" not in told
    assert 0 < rows(out) < 600
    assert rows(out) % 8 == 0


def test_ctrl_c_while_overwriting_keeps_the_old_index(indexed_digits, many_images, tmp_path):
    out = tmp_path / "o.h5"
    encoding(indexed_digits, many_images / f"0000-{LONG}.png", out).communicate()
    before = out.read_bytes()
    child = encoding(indexed_digits, many_images, out, "--overwrite")

    interrupted(child, tmp_path / "o.h5.new")

    assert child.returncode == 130
    assert out.read_bytes() == before


def test_a_full_disk_is_one_sentence_and_leaves_a_readable_index(
    indexed_digits, many_images, tmp_path
):
    empty = tmp_path / "small.h5"
    encoding(indexed_digits, many_images / f"0000-{LONG}.png", empty).communicate()
    out = tmp_path / "o.h5"
    child = encoding(indexed_digits, many_images, out, limit=empty.stat().st_size + 400_000)

    _, told = child.communicate()

    assert child.returncode == 1, told
    assert str(out) in told
    assert "Traceback" not in told
    assert 0 < rows(out) < 600
