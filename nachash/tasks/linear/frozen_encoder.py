"""What a frozen encoder says of labelled images: features, tanh of the activations, codewords."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nachash import codes
from nachash.errors import DamagedError, NoImagesError
from nachash.images import stream
from nachash.inference.model_directory import open_model
from nachash.inference.onnx_encoder import OnnxEncoder
from nachash.model_config import ModelConfig
from nachash.records import Progress, Skipped
from nachash.results.linear import Features
from nachash.shapes import Float32, Int64, UInt8
from nachash.tasks.device import torch_device
from nachash.tasks.evaluate.retrieval import require_all
from nachash.tasks.linear.classified_images import Classified

if TYPE_CHECKING:
    from nachash.encoders.torch_encoder import TorchEncoder

BATCH: Final = 256
# Bits in which torch and the exported graph of one model may differ: rounding near zero.
_MOST_DIFFERENT: Final = 0.01


@dataclass(frozen=True, slots=True)
class FrozenEncoder:
    """A model directory, opened; `encoder` runs on the device in single precision."""

    directory: Path
    config: ModelConfig
    encoder: "TorchEncoder"
    graph: bytes


@dataclass(frozen=True, slots=True)
class Encoded:
    """Images that could be read: what the encoder says of them, and their classes."""

    features: Float32[np.ndarray, "n features"]
    activations: Float32[np.ndarray, "n bits"]
    classes: Int64[np.ndarray, "n"]
    skipped: tuple[Skipped, ...]

    def of_kind(self, kind: Features) -> Float32[np.ndarray, "n features"]:
        """The numbers that a classifier sees."""
        match kind:
            case "features":
                return self.features
            case "tanh":
                return np.tanh(self.activations)
            case "code":
                return np.where(codes.binarise(self.activations), 1, -1).astype(np.float32)


def opened(directory: Path, device: str) -> FrozenEncoder:
    """The encoder of a model directory on a torch device.

    The exported graph gives activations only, so that the weights are needed.

    Raises:
        MissingError, DamagedError, IncompatibleError: the directory cannot be used.
        DeviceError: the device was asked for and is not there.
    """
    from nachash.encoders.torch_encoder import TorchEncoder

    graph, config = open_model(directory)
    encoder = TorchEncoder(directory, torch_device(device).type)
    return FrozenEncoder(directory, config, encoder, graph)


def encoded(
    frozen: FrozenEncoder,
    part: Classified,
    *,
    complete: bool,
    workers: int,
    stage: str,
    progress: Progress,
) -> Encoded:
    """Every image of a part, encoded once, as it is.

    Raises:
        DamagedError: an image cannot be read although `complete`, or the weights are not those
            that the graph was exported from.
        NoImagesError: none can be read.
    """
    position = {each.path: at for at, each in enumerate(part.source.references)}
    pieces: list[tuple[Any, Any, list[int]]] = []
    skipped = list(part.source.skipped)
    done = 0
    for batch in stream.batches(
        part.source, frozen.config.preprocessing, batch_size=BATCH, workers=workers
    ):
        skipped += batch.skipped
        if complete:
            require_all(part.source, skipped)
        if len(batch.pixels):
            features, activations = frozen.encoder.encoded(batch.pixels)
            if not np.isfinite(features).all():
                raise DamagedError(
                    f"{frozen.directory} gives features that are not finite", "train it again"
                )
            if not pieces:
                _require_same_model(frozen, batch.pixels, activations)
            pieces.append((features, activations, [position[r.path] for r in batch.references]))
        done += len(batch.pixels) + len(batch.skipped)
        progress(stage, done, len(part.source.references))
    if not pieces:
        raise NoImagesError(f"none of the {len(skipped)} images of {part.source.root} can be read")
    rows = np.concatenate([np.array(rows, np.int64) for _, _, rows in pieces])
    return Encoded(
        np.concatenate([features for features, _, _ in pieces]),
        np.concatenate([activations for _, activations, _ in pieces]),
        part.classes[rows],
        tuple(skipped),
    )


def _require_same_model(
    frozen: FrozenEncoder,
    pixels: UInt8[np.ndarray, "batch size size 3"],
    activations: Float32[np.ndarray, "batch bits"],
) -> None:
    expected = OnnxEncoder(frozen.graph).activations(pixels)
    if expected.shape != activations.shape or (
        np.mean(codes.binarise(expected) != codes.binarise(activations)) > _MOST_DIFFERENT
    ):
        raise DamagedError(
            f"the weights in {frozen.directory} are not those that its ONNX graph was made from",
            "train the model again, or copy the whole directory again",
        )
