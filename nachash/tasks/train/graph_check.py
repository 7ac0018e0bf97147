"""A finished encoder on some images: does its graph agree with torch, are its codes in use."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nachash import codes
from nachash.metrics.collapse import CodeUse, code_use
from nachash.shapes import UInt8

if TYPE_CHECKING:
    from nachash.encoders.encoder import Encoder


@dataclass(frozen=True, slots=True)
class GraphCheck:
    """Share of bits that ONNX Runtime and torch give differently, and what codes make of bits."""

    flip_rate: float
    use: CodeUse


def graph_check(
    encoder: "Encoder", graph: bytes, pixels: UInt8[np.ndarray, "n 3 size size"]
) -> GraphCheck:
    """Compare the graph with torch on the same images, and look at the graph's codes."""
    import torch

    from nachash.inference.onnx_encoder import OnnxEncoder

    onnx = OnnxEncoder(graph, threads=None)
    different = 0
    packed = []
    for start in range(0, len(pixels), 256):
        part = pixels[start : start + 256]
        with torch.inference_mode():
            expected = encoder.eval()(torch.from_numpy(part).float() / 255).activations.numpy()
        found = onnx.activations(np.ascontiguousarray(part.transpose(0, 2, 3, 1)))
        different += int((codes.binarise(found) != codes.binarise(expected)).sum())
        packed.append(codes.encode(found))
    use = code_use(np.concatenate(packed), encoder.bits)
    return GraphCheck(different / (len(pixels) * encoder.bits), use)
