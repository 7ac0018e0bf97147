"""A model directory of a stranger: whatever its files hold, it is one sentence and exit code 4."""

import contextlib
import json
import os

import numpy as np
import pytest
import torch

from nachash import model_config
from nachash.encoders import weights
from nachash.errors import DamagedError, NachashError
from nachash.inference.model_directory import ONNX_FILE, open_model
from nachash.model_config import ModelConfig
from nachash.records import Preprocessing
from nachash.training import checkpoint

CONFIG = ModelConfig(8, "small", Preprocessing(8), "nac", {}, {}, {}, 0)


@pytest.fixture
def directory(tmp_path):
    model_config.write(CONFIG, tmp_path)
    return tmp_path


def change(directory, **entries):
    path = directory / model_config.FILE_NAME
    values = json.loads(path.read_text(encoding="utf-8")) | entries
    path.write_text(json.dumps(values), encoding="utf-8")


def refused(work, *arguments):
    with pytest.raises(NachashError) as caught:
        work(*arguments)
    assert caught.value.exit_code == 4
    assert caught.value.hint
    assert len(caught.value.sentence) < 400


def test_what_was_written_is_read(directory):
    assert model_config.read(directory) == CONFIG


@pytest.mark.parametrize(
    "entries",
    [
        {"bits": "64"},
        {"bits": True},
        {"bits": 0},
        {"bits": 1 << 40},
        {"bits": 8.0},
        {"bits": None},
        {"seed": "x"},
        {"backbone": ["small"]},
        {"backbone": 7},
        {"method_settings": []},
        {"head": {}},
        {"versions": "1"},
        {"schema_version": "9"},
        {"schema_version": None},
        {"schema_version": 99},
        {"preprocessing": {"size": 1 << 30}},
        {"preprocessing": {"size": "8"}},
        {"preprocessing": {"size": 8.5}},
        {"preprocessing": {"size": -8}},
        {"preprocessing": {"size": 8, "filter": "evil"}},
        {"preprocessing": {"size": 8, "filter": 3}},
        {"preprocessing": {"size": 8, "jpeg_margin": 1 << 40}},
        {"preprocessing": {"size": 8, "more": 1}},
        {"preprocessing": 8},
    ],
)
def test_entries_of_wrong_kinds_and_sizes_are_refused(directory, entries):
    change(directory, **entries)

    refused(model_config.read, directory)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"8",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"schema_version": ' + b"9" * 5000 + b"}",
        b" " * (2 << 20),
    ],
    ids=["empty", "list", "number", "null", "bytes", "deep-list", "deep", "long-number", "large"],
)
def test_a_file_that_is_no_configuration_is_refused(directory, content):
    (directory / model_config.FILE_NAME).write_bytes(content)

    refused(model_config.read, directory)


def test_a_graph_that_is_a_folder_a_pipe_or_a_device_is_refused_at_once(directory):
    graph = directory / ONNX_FILE

    os.mkfifo(graph)
    refused(open_model, directory)
    graph.unlink()
    graph.symlink_to("/dev/zero")
    refused(open_model, directory)
    graph.unlink()
    with graph.open("wb") as opened:
        opened.truncate(1 << 40)
    refused(open_model, directory)


def strange_bytes():
    """Bytes that a reader of safetensors or of torch's files could stumble over."""
    generator = np.random.default_rng(0)
    header = json.dumps({"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}})
    yield b""
    yield b"\xff" * 8
    yield (1 << 62).to_bytes(8, "little") + b"{}"
    yield len(header).to_bytes(8, "little") + header.encode()
    yield b"PK\x03\x04" + bytes(100)
    yield b"\x80\x02]q\x00."
    yield b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R."
    for _ in range(30):
        yield generator.bytes(200)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
def test_weights_that_are_none_are_refused(tmp_path, name):
    path = tmp_path / name
    for content in strange_bytes():
        path.write_bytes(content)
        refused(weights.read, path)


def test_checkpoints_that_are_none_are_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    for content in strange_bytes():
        path.write_bytes(content)
        refused(checkpoint.read, path)


def test_every_changed_byte_of_a_checkpoint_is_read_or_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    torch.save({"weight": torch.ones(3), "step": 1}, path)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)

    for _ in range(60):
        changed = bytearray(whole)
        changed[generator.integers(len(whole))] ^= 1 << generator.integers(8)
        path.write_bytes(bytes(changed))
        for work in (checkpoint.read, weights.read):
            with contextlib.suppress(DamagedError):
                work(path)
