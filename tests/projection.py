"""A model that needs no training and no torch: a random projection of small pictures to bits."""

import hashlib

import numpy as np
import onnx

from nachash import model_config
from nachash.model_config import ModelConfig
from nachash.records import Preprocessing


def random_projection(directory, size, bits):
    """Write a model directory whose bits say on which side of a random plane a picture lies."""
    directory.mkdir(exist_ok=True)
    weights = np.random.default_rng(0).normal(size=(size * size * 3, bits)).astype(np.float32)
    nodes = [
        onnx.helper.make_node("Cast", ["pixels"], ["real"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Flatten", ["real"], ["flat"]),
        onnx.helper.make_node("Sub", ["flat", "grey"], ["centred"]),
        onnx.helper.make_node("MatMul", ["centred", "weights"], ["activations"]),
    ]
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "projection",
        [tensor("pixels", onnx.TensorProto.UINT8, ["n", size, size, 3])],
        [tensor("activations", onnx.TensorProto.FLOAT, ["n", bits])],
        [
            onnx.numpy_helper.from_array(weights, "weights"),
            onnx.numpy_helper.from_array(np.float32(127), "grey"),
        ],
    )
    opset = [onnx.helper.make_opsetid("", 18)]
    stored = onnx.helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    (directory / "encoder.onnx").write_bytes(stored)
    config = ModelConfig(
        bits, "small", Preprocessing(size), "nac", {}, {}, {}, 0,
        encoder_sha256=hashlib.sha256(stored).hexdigest(),
    )  # fmt: skip
    model_config.write(config, directory)
    return directory
