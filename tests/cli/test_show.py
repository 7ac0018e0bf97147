"""`search --show`: pictures on a terminal, plain paths and a sentence elsewhere."""

import os
import re
import subprocess

import numpy as np
import pytest
from PIL import Image
from program import started
from rich.text import Text

CELL = re.compile(r"\x1b\[38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m▄")


def on_a_terminal(arguments, cwd, **environment):
    """What the program prints on a terminal of 60 columns with all colours."""
    ours, theirs = os.openpty()
    variables = {"COLUMNS": "60", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = started(
        arguments,
        cwd,
        env={**os.environ, **variables, **environment},
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    printed = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux says so that the other end was closed
            break
        if not part:
            break
        printed += part
    _, told = process.communicate(timeout=60)
    os.close(ours)
    return process.returncode, printed.decode().replace("\r\n", "\n"), told.decode()


@pytest.fixture
def shown(indexed_digits, tmp_path):
    command = ["search", "query.jpg", "-k", 3, "--show", "--index", "out.h5"]
    return on_a_terminal(command, indexed_digits, NACHASH_STATE=str(tmp_path))


def test_each_hit_has_its_picture_distance_and_path(shown, nachash, indexed_digits):
    code, printed, told = shown
    paths = nachash(
        "search", "query.jpg", "-k", 3, "--index", "out.h5", cwd=indexed_digits
    ).out.split()

    text = Text.from_ansi(printed)
    assert code == 0, told
    for path in ["query.jpg", *paths]:
        assert path in text.plain
    assert len(re.findall(r"[123]  \d+ bits?", text.plain)) == 3
    assert max(map(len, text.plain.splitlines())) <= 60
    assert len(CELL.findall(printed)) == 4 * 24 * 12  # two pixels a cell


def test_the_pixels_are_those_of_the_picture(indexed_digits, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "noise.png")
    command = ["search", tmp_path / "noise.png", "-k", 1, "--show", "--index", "out.h5"]

    _, printed, told = on_a_terminal(command, indexed_digits, NACHASH_STATE=str(tmp_path))

    pixels = []
    for line in printed.splitlines()[:12]:
        cells = np.array(CELL.findall(line)[:24], int)  # the query is the first of its line
        pixels += [cells[:, 3:], cells[:, :3]]
    assert np.array_equal(pixels, picture), told


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colours_gets_the_table(indexed_digits, tmp_path, variables):
    command = ["search", "query.jpg", "-k", 3, "--show", "--index", "out.h5"]
    code, printed, told = on_a_terminal(
        command, indexed_digits, NACHASH_STATE=str(tmp_path), **variables
    )

    assert code == 0
    assert "▄" not in printed
    assert "distance" in printed
    assert "--show draws only on a terminal" in told


def test_a_pipe_gets_paths_and_a_sentence(nachash, indexed_digits):
    command = ["search", "query.jpg", "-k", 3, "--index", "out.h5"]
    plain = nachash(*command, cwd=indexed_digits)

    piped = nachash(*command, "--show", cwd=indexed_digits)

    assert piped.code == 0
    assert piped.out == plain.out
    assert "--show draws only on a terminal" in piped.err


def test_json_and_pictures_exclude_each_other(nachash, indexed_digits):
    finished = nachash("search", "query.jpg", "--show", "--json", cwd=indexed_digits)

    assert finished.code == 2
    assert "exclude" in finished.err
