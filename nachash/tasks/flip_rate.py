"""How often ONNX Runtime and torch disagree about a bit."""

from typing import TYPE_CHECKING

import numpy as np

from nachash import codes
from nachash.shapes import UInt8

if TYPE_CHECKING:
    from nachash.encoders.encoder import Encoder


def flip_rate(
    encoder: "Encoder", graph: bytes, pixels: UInt8[np.ndarray, "n 3 size size"]
) -> float:
    """Share of bits that ONNX Runtime and torch give differently on the same images."""
    import torch

    from nachash.inference.onnx_encoder import OnnxEncoder

    onnx = OnnxEncoder(graph, threads=None)
    different = 0
    for start in range(0, len(pixels), 256):
        part = pixels[start : start + 256]
        with torch.inference_mode():
            expected = encoder.eval()(torch.from_numpy(part).float() / 255).activations.numpy()
        found = onnx.activations(np.ascontiguousarray(part.transpose(0, 2, 3, 1)))
        different += int((codes.binarise(found) != codes.binarise(expected)).sum())
    return different / (len(pixels) * encoder.bits)
