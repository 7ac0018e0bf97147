"""Weights of 8 bits, multiplied out before ONNX Runtime loads a graph.

The encoder that comes with nachash stores weights as int8 and a factor per output channel: `Cast`,
then `Mul`. ONNX Runtime would do this once while it loads, by constant folding, which takes memory
without a bound (runtime.py); for every batch it is slow.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from nachash.inference import encoder_graph
from nachash.inference.encoder_graph import FLOAT32, INT8
from nachash.inference.wire_format import Bytes, Message, written

Weight = np.ndarray[Any, np.dtype[Any]]
_KINDS: Final[dict[int, np.dtype[Any]]] = {FLOAT32: np.dtype("<f4"), INT8: np.dtype("i1")}
_INPUTS: Final = {"Cast": 1, "Mul": 2}


def multiplied_out(data: bytes) -> bytes:
    """A checked graph with its 8-bit weights as float32; the same bytes where it has none.

    No result is larger than the weight it is made of: four times the bytes at most.
    """
    model = Message(memoryview(data), encoder_graph.MODEL)
    graph = Message(model.bytes("graph"), encoder_graph.GRAPH)
    tensors = [Message(each, encoder_graph.TENSOR) for each in graph.all_bytes("initializer")]
    known = {
        tensor.text("name"): _array(tensor)
        for tensor in tensors
        if tensor.number("data_type") in _KINDS
    }
    if not any(weight.dtype == np.int8 for weight in known.values()):
        return data
    made: list[str] = []
    used: set[str] = set()
    nodes = []
    for each in graph.all_bytes("node"):
        node = Message(each, encoder_graph.NODE)
        weight = _product(node, known)
        if weight is None:
            nodes.append(each)
            used.update(node.texts("input"))
        else:
            (name,) = node.texts("output")
            known[name] = weight
            made.append(name)
    stored = zip(graph.all_bytes("initializer"), tensors, strict=True)
    kept = [each for each, tensor in stored if tensor.text("name") in used]
    products = [_tensor(name, known[name]) for name in made if name in used]
    return _model(model, graph, nodes, [*kept, *products])


def _product(node: Message, known: dict[str, Weight]) -> Weight | None:
    """What a node makes of known weights; None for a node that is left to ONNX Runtime."""
    operator, inputs = node.text("op_type"), node.texts("input")
    if len(inputs) != _INPUTS.get(operator) or len(node.texts("output")) != 1:
        return None
    if not all(name in known for name in inputs):
        return None
    weights = [known[name] for name in inputs]
    if operator == "Cast":
        to = [Message(each, encoder_graph.ATTRIBUTE) for each in node.all_bytes("attribute")]
        to_float = [each.number("i") for each in to] == [FLOAT32]
        return weights[0].astype(np.float32) if to_float else None
    one, other = weights
    larger = max(one, other, key=lambda weight: weight.size)
    if one.dtype != np.float32 or other.dtype != np.float32:
        return None
    try:
        same = np.broadcast_shapes(one.shape, other.shape) == larger.shape
    except ValueError:
        return None
    return one * other if same else None


def _array(tensor: Message) -> Weight:
    kind = _KINDS[tensor.number("data_type")]
    return np.frombuffer(tensor.bytes("raw_data"), kind).reshape(tensor.numbers("dims"))


def _tensor(name: str, weight: Weight) -> list[Bytes]:
    data = np.ascontiguousarray(weight, dtype="<f4").reshape(-1).view(np.uint8)
    return written(
        encoder_graph.TENSOR,
        dims=list(weight.shape),
        data_type=[FLOAT32],
        name=[name.encode()],
        raw_data=[data.data],
    )


def _model(
    model: Message,
    graph: Message,
    nodes: list[memoryview],
    tensors: Sequence[memoryview | list[Bytes]],
) -> bytes:
    content = written(
        encoder_graph.GRAPH,
        node=nodes,
        name=[graph.bytes("name")],
        initializer=tensors,
        input=graph.all_bytes("input"),
        output=graph.all_bytes("output"),
    )
    return b"".join(
        written(
            encoder_graph.MODEL,
            ir_version=[model.number("ir_version")],
            graph=[content],
            opset_import=model.all_bytes("opset_import"),
        )
    )
