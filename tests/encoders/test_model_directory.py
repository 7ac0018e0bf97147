"""Model directories and their ONNX graphs: round trips, damage, agreement with torch."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from nachash import codes
from nachash.encoders import model_directory
from nachash.encoders.encoder import Encoder, initial
from nachash.encoders.onnx_export import onnx_graph
from nachash.encoders.torch_encoder import TorchEncoder
from nachash.errors import (
    DamagedError,
    ExistsError,
    IncompatibleError,
    MissingError,
    NachashError,
    StorageError,
)
from nachash.inference.model_directory import open_model
from nachash.inference.onnx_encoder import OnnxEncoder
from nachash.model_config import ModelConfig
from nachash.records import Preprocessing

SIZE, BITS = 32, 48
CONFIG = ModelConfig(
    bits=BITS,
    backbone="small",
    preprocessing=Preprocessing(SIZE),
    method="nac",
    method_settings={"noise": 0.3},
    training={"epochs": 1},
    data={"name": "digits"},
    seed=0,
)


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """All 1,797 real digits, [n 32 32 3]."""
    grey = np.rint(load_digits().images * (255 / 16)).astype(np.uint8)
    return grey.repeat(4, axis=1).repeat(4, axis=2)[..., None].repeat(3, axis=3)


@pytest.fixture(scope="module")
def encoder(digits: np.ndarray) -> Encoder:
    """Random weights, statistics of batch norm from real images."""
    torch.manual_seed(0)
    made = initial("small", weights="random", bits=BITS, head="batch-norm").train()
    with torch.no_grad():
        for start in range(0, 1024, 128):
            made(as_images(digits[start : start + 128]))
    return made.eval()


@pytest.fixture(scope="module")
def graph(encoder: Encoder) -> bytes:
    return onnx_graph(encoder, SIZE)


@pytest.fixture
def saved(encoder: Encoder, graph: bytes, tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    directory.mkdir()
    model_directory.save(directory, encoder, CONFIG, graph)
    return directory


def as_images(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def test_the_graph_gives_the_bits_of_torch_on_every_digit(
    encoder: Encoder, graph: bytes, digits: np.ndarray
) -> None:
    with torch.inference_mode():
        expected = encoder(as_images(digits)).activations.numpy()

    found = OnnxEncoder(graph, threads=1).activations(digits)

    flipped = (codes.binarise(found) != codes.binarise(expected)).mean()
    assert flipped <= 1e-4
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert 0.2 < codes.binarise(found).mean() < 0.8


def test_the_graph_says_its_sizes_and_takes_batches_of_any_length(
    graph: bytes, digits: np.ndarray
) -> None:
    encoder = OnnxEncoder(graph, threads=1)

    assert (encoder.bits, encoder.size) == (BITS, SIZE)
    whole = encoder.activations(digits[:7])
    for count in (0, 1, 3):
        part = encoder.activations(digits[:count])
        assert part.shape == (count, BITS)
        np.testing.assert_allclose(part, whole[:count], atol=1e-5)


def test_the_same_encoder_gives_the_same_bytes_and_they_tell_nothing_of_the_machine(
    encoder: Encoder, graph: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    was_training = encoder.training

    again = onnx_graph(encoder, SIZE)

    assert again == graph
    assert encoder.training == was_training
    for trace in (str(Path(__file__).parents[2]), str(Path.home()), "stack_trace", ".py"):
        assert trace.encode() not in graph
    assert capfd.readouterr() == ("", "")


def test_a_saved_model_comes_back_as_it_was(
    encoder: Encoder, graph: bytes, saved: Path, digits: np.ndarray
) -> None:
    loaded, config = model_directory.load(saved)
    onnx, same_config = open_model(saved)

    assert config == same_config == replace(CONFIG, encoder_sha256=config.encoder_sha256)
    assert onnx == graph
    assert config.encoder_sha256 == OnnxEncoder(graph, threads=1).fingerprint
    state, expected = loaded.state_dict(), encoder.state_dict()
    assert all(torch.equal(state[name], expected[name]) for name in expected)


def test_torch_encodes_a_model_directory_as_onnx_does(
    graph: bytes, saved: Path, digits: np.ndarray
) -> None:
    on_torch, on_onnx = TorchEncoder(saved, "cpu"), OnnxEncoder(graph, threads=1)

    assert (on_torch.bits, on_torch.size) == (BITS, SIZE)
    np.testing.assert_allclose(
        on_torch.activations(digits[:50]), on_onnx.activations(digits[:50]), atol=1e-3
    )


@pytest.mark.parametrize("data", [b"", b"not a graph", None])
def test_bytes_that_are_no_encoder_are_damaged(data: bytes | None, graph: bytes) -> None:
    with pytest.raises(DamagedError):
        OnnxEncoder(graph[: len(graph) // 2] if data is None else data)


def test_a_graph_of_something_else_is_damaged() -> None:
    from onnx import TensorProto, helper

    shape = [None, SIZE, SIZE, 3]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("a", "b")]
    nodes = [helper.make_node("Relu", ["a"], ["b"])]
    model = helper.make_model(
        helper.make_graph(nodes, "relu", ends[:1], ends[1:]),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )

    with pytest.raises(DamagedError):
        OnnxEncoder(model.SerializeToString())


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def of_another_encoder(path: Path) -> None:
    from safetensors.torch import save_file

    save_file(initial("small", weights="random", bits=8, head="batch-norm").state_dict(), path)


@pytest.mark.parametrize(
    ("name", "harm", "error"),
    [
        ("model.safetensors", cut, DamagedError),
        ("model.safetensors", Path.unlink, DamagedError),
        ("model.safetensors", of_another_encoder, DamagedError),
        ("config.json", cut, DamagedError),
        ("config.json", Path.unlink, MissingError),
    ],
)
def test_a_damaged_model_is_refused_by_torch(
    saved: Path, name: str, harm: Callable[[Path], None], error: type[NachashError]
) -> None:
    harm(saved / name)

    with pytest.raises(error):
        model_directory.load(saved)


@pytest.mark.parametrize(
    ("name", "harm", "error"),
    [
        ("encoder.onnx", cut, DamagedError),
        ("encoder.onnx", Path.unlink, DamagedError),
        ("encoder.onnx", lambda path: path.write_bytes(b"another"), DamagedError),
        ("config.json", cut, DamagedError),
        ("config.json", Path.unlink, MissingError),
    ],
)
def test_a_damaged_model_is_refused_without_torch(
    saved: Path, name: str, harm: Callable[[Path], None], error: type[NachashError]
) -> None:
    harm(saved / name)

    with pytest.raises(error):
        open_model(saved)


def test_a_model_of_a_newer_format_is_refused(saved: Path) -> None:
    path = saved / "config.json"
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 2'))

    with pytest.raises(IncompatibleError, match="version 2"):
        open_model(saved)


def test_a_directory_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "runs" / "model"

    def interrupted() -> None:
        with model_directory.created(out) as temporary:
            (temporary / "config.json").write_text("{}")
            assert not out.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert list(out.parent.iterdir()) == []
    with model_directory.created(out) as temporary:
        (temporary / "config.json").write_text("{}")
    assert [path.name for path in out.parent.iterdir()] == ["model"]
    assert (out / "config.json").read_text() == "{}"


def test_a_model_is_replaced_only_when_asked_and_only_by_a_complete_one(saved: Path) -> None:
    with pytest.raises(ExistsError), model_directory.created(saved):
        pytest.fail("the block must not run")
    with (
        pytest.raises(ZeroDivisionError),
        model_directory.created(saved, overwrite=True) as temporary,
    ):
        (temporary / "config.json").write_text(str(1 / 0))
    model_directory.load(saved)

    with model_directory.created(saved, overwrite=True) as temporary:
        (temporary / "config.json").write_text("new")

    assert [path.name for path in saved.iterdir()] == ["config.json"]
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_what_is_no_model_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_text("mine")
    (tmp_path / "file").write_text("mine")

    for name in ("photos", "file"):
        with (
            pytest.raises(NachashError),
            model_directory.created(tmp_path / name, overwrite=True),
        ):
            pytest.fail("the block must not run")

    assert (tmp_path / "photos" / "one.jpg").read_text() == "mine"
    assert (tmp_path / "file").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with (
        pytest.raises(StorageError, match="cannot be written"),
        model_directory.created(tmp_path / "file" / "model"),
    ):
        pytest.fail("the block must not run")


def test_a_model_taken_elsewhere_still_opens(saved: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "other name"
    shutil.move(saved, moved)

    assert model_directory.load(moved)[1].bits == BITS
    assert open_model(moved)[1].bits == BITS
