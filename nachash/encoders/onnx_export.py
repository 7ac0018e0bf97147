"""The encoder as one ONNX file: bytes of pixels in, one real number per bit out."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from nachash.encoders.encoder import Encoder
from nachash.shapes import Float, UInt8

if TYPE_CHECKING:
    import onnx

OPSET: Final = 18


class _FromPixels(nn.Module):
    """What a graph computes: bytes to numbers in [0, 1], then a network."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: UInt8[Tensor, "batch size size 3"]) -> Float[Tensor, "batch n"]:
        found: Tensor = self.network(pixels.permute(0, 3, 1, 2).float() / 255)
        return found


class _Activations(nn.Module):
    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch bits"]:
        activations: Tensor = self.encoder(images).activations
        return activations


class _Features(_Activations):
    def forward(self, images: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch f"]:
        return self.encoder.backbone_features(images)


def onnx_graph(encoder: Encoder, size: int) -> bytes:
    """The encoder in inference mode as an ONNX file.

    Input `pixels` uint8 [batch, size, size, 3], RGB; output `activations` float32 [batch, bits].
    The batch is free, all weights are inside, and nothing about the machine is.
    """
    return _exported(encoder, _Activations(encoder), size)


def feature_graph(encoder: Encoder, size: int) -> bytes:
    """The encoder without its head, likewise; the output `activations` are features."""
    return _exported(encoder, _Features(encoder), size)


def _exported(encoder: Encoder, network: nn.Module, size: int) -> bytes:
    was_training = encoder.training
    graph = _FromPixels(network).eval().cpu()
    pixels = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            graph,
            (pixels,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["pixels"],
            output_names=["activations"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    encoder.train(was_training)
    assert program is not None
    return _without_traces(program.model_proto)


def _without_traces(model: "onnx.ModelProto") -> bytes:
    """The bytes of a graph, without the source lines and paths that the exporter notes."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    for part in (*model.graph.node, *model.graph.initializer, *model.functions):
        part.doc_string = ""
        del part.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    return model.SerializeToString(deterministic=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress, logs and warnings to itself."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
