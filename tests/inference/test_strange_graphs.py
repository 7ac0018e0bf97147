"""A graph from a stranger is either one that nachash could have exported, or is not run."""

import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
import strange_graphs
from onnx import TensorProto
from strange_graphs import BITS, BOMBS, FORBIDDEN, SIZE, array, as_bytes, model, node

from nachash.errors import DamagedError
from nachash.inference import runtime
from nachash.inference.encoder_graph import ForeignGraphError, checked
from nachash.inference.model_directory import BUILTIN, open_model
from nachash.inference.onnx_encoder import OnnxEncoder
from nachash.inference.runtime import interruptible
from nachash.inference.small_weights import multiplied_out

PIXELS = np.zeros((3, SIZE, SIZE, 3), np.uint8)


def test_a_sound_graph_is_run():
    encoder = OnnxEncoder(as_bytes(strange_graphs.sound()), threads=1)

    assert (encoder.size, encoder.bits) == (SIZE, BITS)
    assert encoder.activations(PIXELS).shape == (3, BITS)


@pytest.mark.parametrize("name", FORBIDDEN)
def test_no_session_is_made_of_what_is_not_exported(name, monkeypatch):
    data = as_bytes(FORBIDDEN[name]())

    def never(*arguments, **options):
        pytest.fail("a session was made")

    monkeypatch.setattr("nachash.inference.onnx_encoder.Session", never)
    with pytest.raises(DamagedError, match="not an ONNX graph that nachash exported") as caught:
        OnnxEncoder(data)
    assert len(caught.value.sentence) < 250
    assert caught.value.sentence.isprintable()


def test_the_encoder_that_comes_with_nachash_is_accepted():
    graph, config = open_model(BUILTIN)

    assert checked(graph).outputs == config.bits


def test_every_cut_of_a_graph_is_refused():
    data = as_bytes(strange_graphs.sound())

    for end in range(len(data)):
        with pytest.raises(ForeignGraphError):
            checked(data[:end])


def test_a_damaged_byte_never_ends_in_another_error():
    data = bytearray(as_bytes(strange_graphs.sound()))
    generator = np.random.default_rng(0)

    for _ in range(300):
        changed = data.copy()
        changed[generator.integers(len(data))] = generator.integers(256)
        try:
            checked(bytes(changed))
        except ForeignGraphError:
            continue


def test_bytes_of_two_formats_are_read_as_the_one_that_was_checked():
    """ONNX Runtime looks for the mark of its own format, which was not checked."""
    data = strange_graphs._both_formats()
    assert data[4:8] == b"ORTM"

    encoder = OnnxEncoder(data, threads=1)

    np.testing.assert_array_equal(
        encoder.activations(PIXELS),
        OnnxEncoder(as_bytes(strange_graphs.sound()), threads=1).activations(PIXELS),
    )


def test_bombs_are_refused_in_little_memory(tmp_path):
    """Each in turn, in one process whose memory is measured."""
    script = tmp_path / "bombs.py"
    script.write_text(
        "import sys\n"
        f"sys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}\n"
        "import numpy as np\n"
        "from memory import peak_bytes\n"
        "from strange_graphs import BOMBS, as_bytes, sound\n"
        "from nachash.errors import DamagedError\n"
        "from nachash.inference.onnx_encoder import OnnxEncoder\n"
        "pixels = np.zeros((2, 32, 32, 3), np.uint8)\n"
        "OnnxEncoder(as_bytes(sound()), threads=1).activations(pixels)\n"
        "for name, make in BOMBS.items():\n"
        "    try:\n"
        "        OnnxEncoder(as_bytes(make()), threads=1).activations(pixels)\n"
        "    except DamagedError as error:\n"
        "        print('refused', name, error.sentence)\n"
        "    else:\n"
        "        print('ran', name)\n"
        "print(peak_bytes() >> 20)\n",
        encoding="utf-8",
    )

    def limited():
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))

    finished = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=limited,
    )

    *lines, peak = finished.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["refused", name] for name in BOMBS]
    assert int(peak) < 1500  # MiB; Python with ONNX Runtime takes 100
    assert finished.stderr == ""


def small_weights(*nodes, **factors):
    """A graph whose matrix is 8-bit integers, widened and multiplied by factors."""
    widen = node("Cast", "whole", "wide", to=TensorProto.FLOAT)
    made = model()
    (matrix,) = [each for each in made.graph.initializer if each.name == "matrix"]
    made.graph.initializer.remove(matrix)
    whole = np.arange(-96, 96).reshape(3, BITS)
    made.graph.initializer.append(array("whole", whole, np.int8))
    for name, values in factors.items():
        made.graph.initializer.append(array(name, values, np.float32))
    for position, each in enumerate([widen, *nodes]):
        made.graph.node.insert(position, each)
    return as_bytes(made), whole


def test_weights_of_eight_bits_are_multiplied_out_once():
    data, whole = small_weights(
        node("Mul", "wide factor", "matrix"), factor=np.arange(3)[:, None] / 7
    )
    pixels = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), np.uint8)

    written = onnx.load_from_string(multiplied_out(data))

    onnx.checker.check_model(written)
    assert [each.op_type for each in written.graph.node] == [
        "Cast", "ReduceMean", "MatMul", "Identity",
    ]  # fmt: skip
    expected = pixels.mean((1, 2)) @ (whole * (np.arange(3)[:, None] / 7))
    found = OnnxEncoder(data, threads=1).activations(pixels)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_a_product_larger_than_its_weights_is_left_to_the_bounded_memory():
    data, _ = small_weights(
        node("Mul", "wide long", "huge"),
        node("ReduceMean", "huge", "mean"),
        node("Mul", "wide mean", "matrix"),
        long=np.zeros((1 << 21, 1, 1)),
    )

    assert len(multiplied_out(data)) < len(data) + 5000
    with pytest.raises(DamagedError, match="GiB of memory"):
        OnnxEncoder(data, threads=1).activations(PIXELS)


@pytest.mark.parametrize(
    "odd",
    [
        node("Mul", "wide", "matrix"),
        node("Mul", "wide wide wide", "matrix"),
        node("Mul", "wide whole", "matrix"),
        node("Mul", "wide odd", "matrix"),
        node("Mul", "wide nowhere", "matrix"),
        node("Cast", "wide", "matrix", to=TensorProto.FLOAT, more=1),
        node("Cast", "wide", "matrix"),
        node("Cast", "", "matrix", to=TensorProto.FLOAT),
    ],
)
def test_odd_products_are_refused_by_the_runtime_and_not_by_us(odd):
    data, _ = small_weights(odd, odd=np.zeros((5, 7)))

    with pytest.raises(DamagedError):
        OnnxEncoder(data, threads=1).activations(PIXELS)


def test_a_graph_without_small_weights_is_given_on_as_it_is():
    data = as_bytes(strange_graphs.sound())

    assert multiplied_out(data) is data


def test_a_batch_that_takes_too_much_is_worked_on_in_parts(monkeypatch):
    """40 MiB for a picture: 16 of them do not fit into 200 MiB."""
    monkeypatch.setattr(runtime, "ROOM", 200 << 20)
    nodes = [
        node("Unsqueeze", "plain axes", "apart"),
        node("Expand", "apart shape", "large"),
        node("ReduceMean", "large axes", "activations", keepdims=0),
    ]
    side = (40 << 20) // 4 // BITS
    data = as_bytes(model([*nodes], [array("shape", [1, side, 1, BITS])]))
    # axes 1 and 2 of [batch, 1, 1, bits], which become [batch, side, 1, bits]
    pixels = np.random.default_rng(0).integers(0, 256, (16, SIZE, SIZE, 3), np.uint8)

    encoder = OnnxEncoder(data, threads=1)
    found = encoder.activations(pixels)

    assert encoder._at_once in (1, 2, 4)
    plain = OnnxEncoder(as_bytes(strange_graphs.sound()), threads=1).activations(pixels)
    np.testing.assert_allclose(found, plain, rtol=1e-2)


def test_a_graph_that_gives_more_than_it_says_is_damaged():
    lying = model([node("Concat", "plain plain", "activations", axis=1)])

    with pytest.raises(DamagedError):
        OnnxEncoder(as_bytes(lying), threads=1).activations(PIXELS)


def test_a_graph_of_one_row_for_any_batch_is_damaged():
    lying = model([node("ReduceSum", "plain first", "activations")], [array("first", [0])])

    with pytest.raises(DamagedError):
        OnnxEncoder(as_bytes(lying), threads=1).activations(PIXELS)


def test_numbers_that_are_not_finite_are_no_error():
    """A bit is activation > 0: not a number is a zero."""
    strange = model([node("Add", "plain odd", "activations")], [array("odd", np.nan, np.float32)])

    assert np.isnan(OnnxEncoder(as_bytes(strange), threads=1).activations(PIXELS)).all()


def test_an_operator_that_needs_another_kind_is_our_sentence():
    wrong = model([node("Not", "plain", "activations")])

    with pytest.raises(DamagedError):
        OnnxEncoder(as_bytes(wrong), threads=1)


def test_ctrl_c_ends_native_work():
    stopped = threading.Event()

    def work():
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return stopped.wait(timeout=60)

    with pytest.raises(KeyboardInterrupt):
        interruptible(work, stopped.set)
    assert stopped.is_set()


def test_work_in_another_thread_stays_there():
    found = []

    def work():
        found.append(interruptible(threading.get_ident, lambda: None))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert found == [thread.ident]


def test_the_output_kind_is_checked():
    made = model([node("Cast", "plain", "activations", to=TensorProto.INT64)])

    with pytest.raises(DamagedError):
        OnnxEncoder(as_bytes(made), threads=1)
