"""ONNX graphs of a stranger's making; `python strange_graphs.py FOLDER` writes them as files.

`sound` is accepted; `FORBIDDEN` must be refused before a session is made, `BOMBS` consist of
allowed operators and must be refused when they ask for memory.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, BITS = 32, 64


def array(name: str, values: Any, kind: type = np.int64) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, kind), name)


def node(operator: str, inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), output.split(), **attributes)


def model(
    nodes: Sequence[onnx.NodeProto] = (),
    weights: Sequence[onnx.TensorProto] = (),
    *,
    bits: int | None = BITS,
    shape: Sequence[Any] = ("batch", SIZE, SIZE, 3),
    kind: int = TensorProto.UINT8,
    opset: int = 18,
    domains: Sequence[str] = (),
) -> onnx.ModelProto:
    """Mean colours times a matrix as `plain`; the nodes make `activations` of it."""
    start = [
        node("Cast", "pixels", "numbers", to=TensorProto.FLOAT),
        node("ReduceMean", "numbers axes", "colours", keepdims=0),
        node("MatMul", "colours matrix", "plain"),
    ]
    matrix = numpy_helper.from_array(
        np.linspace(-1, 1, 3 * BITS, dtype=np.float32).reshape(3, BITS), "matrix"
    )
    graph = helper.make_graph(
        [*start, *(nodes or [node("Identity", "plain", "activations")])],
        "graph",
        [helper.make_tensor_value_info("pixels", kind, shape)],
        [helper.make_tensor_value_info("activations", TensorProto.FLOAT, ["batch", bits])],
        initializer=[matrix, array("axes", [1, 2]), *weights],
    )
    sets = [helper.make_opsetid("", opset), *(helper.make_opsetid(name, 1) for name in domains)]
    return helper.make_model(graph, opset_imports=sets, ir_version=10)


def sound() -> onnx.ModelProto:
    return model()


def _added(values: str, *nodes: onnx.NodeProto, **weights: onnx.TensorProto) -> onnx.ModelProto:
    """The sum of `values`, which nodes make, added to the activations."""
    return model(
        [
            *nodes,
            node("ReduceSum", values, "total", keepdims=0),
            node("Add", "plain total", "activations"),
        ],
        list(weights.values()),
    )


def external(location: str) -> onnx.ModelProto:
    """A weight that is the first bytes of another file."""
    secret = onnx.TensorProto(
        name="secret", data_type=TensorProto.UINT8, dims=[BITS], data_location=1
    )
    for key, value in (("location", location), ("offset", "0"), ("length", str(BITS))):
        secret.external_data.add(key=key, value=value)
    return model(
        [
            node("Cast", "secret", "read", to=TensorProto.FLOAT),
            node("Add", "plain read", "activations"),
        ],
        [secret],
    )


def _external_attribute() -> onnx.ModelProto:
    made = external("/etc/passwd")
    (secret,) = [each for each in made.graph.initializer if each.name == "secret"]
    made.graph.initializer.remove(secret)
    made.graph.node.insert(0, node("Constant", "", "secret", value=secret))
    return made


def _endless() -> onnx.ModelProto:
    """A loop of 2^62 turns."""
    body = helper.make_graph(
        [node("Identity", "go", "going"), node("Identity", "value", "same")],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("same", TensorProto.FLOAT, None),
        ],
    )
    return model(
        [node("Loop", "turns first plain", "activations", body=body)],
        [array("turns", 1 << 62), array("first", True, np.bool_)],
    )


def _branch() -> onnx.ModelProto:
    branch = helper.make_graph(
        [node("Identity", "plain", "inner")],
        "branch",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
    )
    return model(
        [node("If", "yes", "activations", then_branch=branch, else_branch=branch)],
        [array("yes", True, np.bool_)],
    )


def _hidden_subgraph() -> onnx.ModelProto:
    """An allowed operator that carries a graph as an attribute."""
    made = model()
    made.graph.node[-1].attribute.append(helper.make_attribute("body", made.graph))
    return made


def _function() -> onnx.ModelProto:
    made = model([node("Twice", "plain", "activations", domain="own")], domains=["own"])
    made.functions.append(
        helper.make_function(
            "own",
            "Twice",
            ["x"],
            ["y"],
            [node("Add", "x x", "y")],
            [helper.make_opsetid("", 18)],
        )
    )
    return made


def _unused_function() -> onnx.ModelProto:
    made = _function()
    del made.graph.node[-1], made.opset_import[1:]
    made.graph.node.append(node("Identity", "plain", "activations"))
    return made


def _of_domain(operator: str, domain: str) -> onnx.ModelProto:
    return model([node(operator, "plain", "activations", domain=domain)], domains=[domain])


def _sparse() -> onnx.ModelProto:
    made = model()
    made.graph.sparse_initializer.append(
        helper.make_sparse_tensor(array("s", [1.0], np.float32), array("i", [3]), [1 << 40])
    )
    return made


def _short_weight() -> onnx.ModelProto:
    """A weight that says it is larger than its bytes."""
    made = model()
    made.graph.initializer[0].dims[:] = [3, 1 << 40]
    return made


def _unstored_weight() -> onnx.ModelProto:
    """A large weight without any bytes, which readers may fill with zeros."""
    return _added("huge", huge=onnx.TensorProto(name="huge", data_type=1, dims=[1 << 31]))


def _many_dimensions() -> onnx.ModelProto:
    """A product of sides that takes long to compute."""
    made = model()
    made.graph.initializer[0].dims[:] = [(1 << 63) - 1] * 10_000
    return made


def _quantisation() -> onnx.ModelProto:
    made = model()
    made.graph.quantization_annotation.add(tensor_name="plain")
    return made


def _runtime_settings() -> onnx.ModelProto:
    """ONNX Runtime can take options of a session from the file."""
    made = model()
    made.metadata_props.add(
        key="ort_config", value='{"session_options": {"intra_op_num_threads": 99}}'
    )
    return made


def _many_nodes() -> onnx.ModelProto:
    chain = [node("Relu", f"n{i}" if i else "plain", f"n{i + 1}") for i in range(30_000)]
    return model([*chain, node("Identity", "n30000", "activations")])


def _two_outputs() -> onnx.ModelProto:
    made = model()
    made.graph.output.append(helper.make_tensor_value_info("plain", TensorProto.FLOAT, None))
    return made


def _both_formats() -> bytes:
    """ONNX by its fields, and ONNX Runtime's own format by the mark at its fifth byte."""
    made = model()
    made.ClearField("producer_name")
    rest = made.SerializeToString()
    assert rest[:2] == b"\x08\x0a"
    return rest[:2] + b"\x12\x08ORTM----" + rest[2:]


def _two_graphs() -> bytes:
    """A second graph, which some readers merge into the first and others take in its place."""
    second = onnx.ModelProto()
    second.graph.node.append(node("Loop", "plain", "unused"))
    return model().SerializeToString() + second.SerializeToString()


def _unknown_field() -> bytes:
    return model().SerializeToString() + b"\xfa\x01\x01x"


FORBIDDEN: dict[str, Callable[[], onnx.ModelProto | bytes]] = {
    "external-absolute": lambda: external("/etc/passwd"),
    "external-beside": lambda: external("weights.bin"),
    "external-above": lambda: external("../../etc/passwd"),
    "external-fifo": lambda: external("/dev/zero"),
    "external-attribute": _external_attribute,
    "loop": _endless,
    "if": _branch,
    "subgraph-of-an-allowed-operator": _hidden_subgraph,
    "function": _function,
    "unused-function": _unused_function,
    "other-domain": lambda: _of_domain("Evil", "evil"),
    "contrib-operator": lambda: _of_domain("Gelu", "com.microsoft"),
    "allowed-name-of-another-domain": lambda: _of_domain("Relu", "com.microsoft"),
    "another-domain-unused": lambda: model(domains=["com.microsoft"]),
    "random": lambda: model([node("RandomNormalLike", "plain", "activations")]),
    "strings": lambda: model([node("StringNormalizer", "plain", "activations")]),
    "sequence": lambda: model([node("SequenceConstruct", "plain", "activations")]),
    "image-decoder": lambda: model([node("ImageDecoder", "plain", "activations")]),
    "sparse": _sparse,
    "short-weight": _short_weight,
    "unstored-weight": _unstored_weight,
    "many-dimensions": _many_dimensions,
    "quantisation": _quantisation,
    "settings-of-the-runtime": _runtime_settings,
    "many-nodes": _many_nodes,
    "two-outputs": _two_outputs,
    "floats-in": lambda: model(kind=TensorProto.FLOAT),
    "oblong-pictures": lambda: model(shape=["batch", SIZE, SIZE + 1, 3]),
    "any-size": lambda: model(shape=["batch", None, None, 3]),
    "huge-pictures": lambda: model(shape=["batch", 1 << 20, 1 << 20, 3]),
    "one-picture": lambda: model(shape=[1, SIZE, SIZE, 3]),
    "any-bits": lambda: model(bits=None),
    "billions-of-bits": lambda: model(bits=1 << 40),
    "old-operators": lambda: model(opset=11),
    "operators-of-the-future": lambda: model(opset=99),
    "two-graphs": _two_graphs,
    "unknown-field": _unknown_field,
    "empty": lambda: b"",
    "zeros": lambda: bytes(100),
    "nested": lambda: b"\x3a\x7f" * 5000,
    "endless-number": lambda: b"\xff" * 5000,
}  # fmt: skip

BOMBS: dict[str, Callable[[], onnx.ModelProto]] = {
    "constant": lambda: _added(
        "huge", node("ConstantOfShape", "shape", "huge"), shape=array("shape", [1 << 31])
    ),
    "constant-beyond-all": lambda: _added(
        "huge", node("ConstantOfShape", "shape", "huge"), shape=array("shape", [1 << 46])
    ),
    "expand": lambda: _added(
        "huge",
        node("Expand", "axes shape", "long"),
        node("Cast", "long", "huge", to=TensorProto.FLOAT),
        shape=array("shape", [1 << 28, 2]),
    ),
    "tile": lambda: _added(
        "huge", node("Tile", "matrix shape", "huge"), shape=array("shape", [1 << 22, 1])
    ),
    "outer-sum": lambda: _added(
        "huge",
        node("Add", "column row", "huge"),
        column=numpy_helper.from_array(np.zeros((1 << 15, 1), np.float32), "column"),
        row=numpy_helper.from_array(np.zeros((1, 1 << 15), np.float32), "row"),
    ),
    "outer-product": lambda: _added(
        "huge",
        node("MatMul", "column row", "huge"),
        column=numpy_helper.from_array(np.zeros((1 << 15, 1), np.float32), "column"),
        row=numpy_helper.from_array(np.zeros((1, 1 << 15), np.float32), "row"),
    ),
    "resize": lambda: _added(
        "huge",
        node("Transpose", "numbers", "image", perm=[0, 3, 1, 2]),
        node("Resize", "image  sizes", "huge"),
        sizes=array("sizes", [1, 1, 1024, 1024], np.float32),
    ),
    "pad": lambda: _added(
        "huge", node("Pad", "colours pads", "huge"), pads=array("pads", [0, 0, 0, 1 << 30])
    ),
    "range": lambda: _added(
        "huge",
        node("Range", "zero many one", "long"),
        node("Cast", "long", "huge", to=TensorProto.FLOAT),
        zero=array("zero", 0),
        many=array("many", 1 << 40),
        one=array("one", 1),
    ),
    "wide-convolution": lambda: _added(
        "huge",
        node("Transpose", "numbers", "image", perm=[0, 3, 1, 2]),
        node("Conv", "image kernel", "huge", pads=[30_000] * 4),
        kernel=numpy_helper.from_array(np.zeros((1, 3, 1, 1), np.float32), "kernel"),
    ),
    "shape-of-a-shape": lambda: _added(
        "huge",
        node("Shape", "pixels", "shape"),
        node("Mul", "shape shape", "shape2"),
        node("Mul", "shape2 shape", "shape3"),
        node("ConstantOfShape", "shape3", "huge"),
    ),
}


def as_bytes(made: onnx.ModelProto | bytes) -> bytes:
    return made if isinstance(made, bytes) else made.SerializeToString()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in {"sound": sound, **FORBIDDEN, **BOMBS}.items():
        folder.joinpath(f"{name}.onnx").write_bytes(as_bytes(make()))
