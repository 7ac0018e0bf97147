"""What an encoder's ONNX graph may be: checked from its bytes, before ONNX Runtime sees them.

An index holds the graph of its encoder, and an index may come from a stranger. Only graphs that
`train` could have exported are run: tensors in, tensors out, one pass over a list of well-known
operators, every weight inside. See docs/design/graphs-of-strangers.md for what is refused and why.
"""

import math
from dataclasses import dataclass
from typing import Final

from nachash.inference.wire_format import Field, Message, Schema, Wire, WireError
from nachash.records import LARGEST_SIZE

_NUMBER, _BYTES, _FLOAT = Wire.NUMBER, Wire.BYTES, Wire.FLOAT

# The messages of onnx.proto with the fields that an exported encoder can have. Left out, and so
# refused: functions, training, sparse and quantised tensors, external data, subgraphs, metadata.
MODEL: Final[Schema] = {
    1: Field("ir_version", _NUMBER),
    2: Field("producer_name", _BYTES),
    3: Field("producer_version", _BYTES),
    4: Field("domain", _BYTES),
    5: Field("model_version", _NUMBER),
    6: Field("doc_string", _BYTES),
    7: Field("graph", _BYTES),
    8: Field("opset_import", _BYTES, many=True),
}
_OPERATOR_SET: Final[Schema] = {1: Field("domain", _BYTES), 2: Field("version", _NUMBER)}
GRAPH: Final[Schema] = {
    1: Field("node", _BYTES, many=True),
    2: Field("name", _BYTES),
    5: Field("initializer", _BYTES, many=True),
    10: Field("doc_string", _BYTES),
    11: Field("input", _BYTES, many=True),
    12: Field("output", _BYTES, many=True),
}
NODE: Final[Schema] = {
    1: Field("input", _BYTES, many=True),
    2: Field("output", _BYTES, many=True),
    3: Field("name", _BYTES),
    4: Field("op_type", _BYTES),
    5: Field("attribute", _BYTES, many=True),
    6: Field("doc_string", _BYTES),
    7: Field("domain", _BYTES),
}
ATTRIBUTE: Final[Schema] = {
    1: Field("name", _BYTES),
    2: Field("f", _FLOAT),
    3: Field("i", _NUMBER),
    4: Field("s", _BYTES),
    5: Field("t", _BYTES),
    7: Field("floats", _FLOAT, many=True),
    8: Field("ints", _NUMBER, many=True),
    9: Field("strings", _BYTES, many=True),
    13: Field("doc_string", _BYTES),
    20: Field("type", _NUMBER),
}
TENSOR: Final[Schema] = {
    1: Field("dims", _NUMBER, many=True),
    2: Field("data_type", _NUMBER),
    8: Field("name", _BYTES),
    9: Field("raw_data", _BYTES),
    12: Field("doc_string", _BYTES),
}
_VALUE: Final[Schema] = {
    1: Field("name", _BYTES),
    2: Field("type", _BYTES),
    3: Field("doc_string", _BYTES),
}
_TYPE: Final[Schema] = {1: Field("tensor_type", _BYTES), 6: Field("denotation", _BYTES)}
_TENSOR_TYPE: Final[Schema] = {1: Field("elem_type", _NUMBER), 2: Field("shape", _BYTES)}
_SHAPE: Final[Schema] = {1: Field("dim", _BYTES, many=True)}
_DIMENSION: Final[Schema] = {
    1: Field("dim_value", _NUMBER),
    2: Field("dim_param", _BYTES),
    3: Field("denotation", _BYTES),
}

FLOAT32, _UINT8, INT8 = 1, 2, 3
# Bytes of an element of float32, uint8, int8 (small_weights.py), int32, int64, bool, float16,
# float64.
_ELEMENT_BYTES: Final = {FLOAT32: 4, _UINT8: 1, INT8: 1, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8}

# What the networks of nachash, timm and torchvision are exported as (about seventy families tried).
_EXPORTED: Final = """
    Cast Identity Shape Range ConstantOfShape
    Reshape Squeeze Unsqueeze Transpose Concat Split Slice Gather GatherND ScatterND ScatterElements
    Expand Tile Pad Where Col2Im
    Conv Gemm MatMul Einsum LSTM CumSum MaxPool AveragePool Resize
    BatchNormalization InstanceNormalization LayerNormalization
    ReduceMean ReduceSum ReduceL2
    Relu Sigmoid HardSigmoid HardSwish Tanh Softmax Clip Erf Sin Cos
    Add Sub Mul Div Pow Neg Equal Not
"""
# Room: other activations and arithmetic, and what later operator sets have instead of these.
_ROOM: Final = """
    Constant Flatten GatherElements DepthToSpace SpaceToDepth Trilu
    GlobalAveragePool GlobalMaxPool ConvTranspose GroupNormalization RMSNormalization
    ReduceMax ReduceMin ReduceProd ArgMax
    LeakyRelu PRelu Elu Selu Celu Gelu Mish Swish Softplus LogSoftmax
    Abs Sign Sqrt Reciprocal Exp Log Floor Ceil Round Mod Min Max Sum
    Greater GreaterOrEqual Less LessOrEqual And Or
"""
OPERATORS: Final = frozenset((_EXPORTED + _ROOM).split())
_OPERATOR_SETS: Final = range(18, 25)
_IR_VERSIONS: Final = range(8, 14)
MOST_BYTES: Final = (1 << 31) - 1  # of a protobuf message
_MOST_PARTS: Final = 1 << 10  # inputs, outputs and numbers of a node
_MOST_DIMENSIONS: Final = 8
_LARGEST_OUTPUT: Final = 1 << 17


class ForeignGraphError(ValueError):
    """Bytes that are no graph of an encoder; the sentence says why."""


@dataclass(frozen=True, slots=True)
class EncoderGraph:
    """What a checked graph says of itself: pixels are [batch, size, size, 3]."""

    input: str
    output: str
    size: int
    outputs: int


def checked(data: bytes) -> EncoderGraph:
    """Read the bytes of a graph; nothing is run and no other file is opened.

    Raises:
        ForeignGraphError: `train` exports no such graph.
    """
    try:
        _require(0 < len(data) <= MOST_BYTES, f"it has {len(data):,} bytes")
        model = Message(memoryview(data), MODEL)
        _check_versions(model)
        graph = Message(model.bytes("graph"), GRAPH)
        attributes: set[bytes] = set()
        for node in graph.all_bytes("node"):
            _check_node(Message(node, NODE), attributes)
        for attribute in attributes:
            _check_attribute(Message(memoryview(attribute), ATTRIBUTE))
        for tensor in graph.all_bytes("initializer"):
            _check_tensor(Message(tensor, TENSOR))
        return _ends(graph)
    except WireError as error:
        raise ForeignGraphError(str(error)) from error


def _check_versions(model: Message) -> None:
    sets = [Message(each, _OPERATOR_SET) for each in model.all_bytes("opset_import")]
    _require(
        len(sets) == 1 and not sets[0].text("domain"), "it needs operators other than those of ONNX"
    )
    version = sets[0].number("version")
    _require(version in _OPERATOR_SETS, f"its operators are of version {version}")
    version = model.number("ir_version")
    _require(version in _IR_VERSIONS, f"its format has version {version}")


def _check_node(node: Message, attributes: set[bytes]) -> None:
    """Check all but the attributes, which are added to a set: most of them occur many times."""
    operator = node.text("op_type")
    _require(
        operator in OPERATORS and not node.bytes("domain"),
        f"it has the operator {f'{operator:.40}'!r}",
    )
    parts = len(node.all_bytes("input")) + len(node.all_bytes("output"))
    _require(parts <= _MOST_PARTS, f"a node has {parts:,} inputs and outputs")
    attributes.update(map(bytes, node.all_bytes("attribute")))


def _check_attribute(attribute: Message) -> None:
    numbers = len(attribute.numbers("ints")) + len(attribute.all_bytes("floats"))
    _require(numbers <= _MOST_PARTS, f"a node has {numbers:,} numbers")
    if "t" in attribute:
        _check_tensor(Message(attribute.bytes("t"), TENSOR))


def _check_tensor(tensor: Message) -> None:
    """Elements and bytes must agree: a tensor takes no more memory than the file does."""
    kind, dims = tensor.number("data_type"), tensor.numbers("dims")
    _require(kind in _ELEMENT_BYTES, f"a weight has elements of kind {kind}")
    _require(
        len(dims) <= _MOST_DIMENSIONS
        and min(dims, default=0) >= 0
        and math.prod(dims) * _ELEMENT_BYTES[kind] == len(tensor.bytes("raw_data")),
        "the bytes of a weight are not those of its shape",
    )


def _ends(graph: Message) -> EncoderGraph:
    inputs, outputs = graph.all_bytes("input"), graph.all_bytes("output")
    _require(
        (len(inputs), len(outputs)) == (1, 1),
        f"it has {len(inputs)} inputs and {len(outputs)} outputs",
    )
    pixels, kind, shape = _value(inputs[0])
    _require(
        kind == _UINT8 and len(shape) == 4 and shape[0] == 0 and shape[3] == 3,
        f"its input is of kind {kind} and shape {shape}, not bytes of [batch, size, size, 3]",
    )
    size = shape[1]
    _require(0 < size <= LARGEST_SIZE and shape[2] == size, f"its pictures are {shape[1:3]}")
    activations, kind, shape = _value(outputs[0])
    _require(
        kind == FLOAT32 and len(shape) == 2 and shape[0] == 0 and 0 < shape[1] <= _LARGEST_OUTPUT,
        f"its output is of kind {kind} and shape {shape}, not numbers of [batch, bits]",
    )
    return EncoderGraph(pixels, activations, size, shape[1])


def _value(data: memoryview) -> tuple[str, int, list[int]]:
    """Name, kind of elements and shape of an input or output; 0 stands for the free batch."""
    value = Message(data, _VALUE)
    tensor = Message(Message(value.bytes("type"), _TYPE).bytes("tensor_type"), _TENSOR_TYPE)
    shape = Message(tensor.bytes("shape"), _SHAPE).all_bytes("dim")
    sides = [Message(each, _DIMENSION).number("dim_value") for each in shape[:_MOST_DIMENSIONS]]
    return value.text("name"), tensor.number("elem_type"), sides


def _require(fine: bool, otherwise: str) -> None:  # noqa: FBT001
    if not fine:
        raise ForeignGraphError(otherwise)
