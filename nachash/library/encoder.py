"""`nachash.Encoder`: a trained encoder for programs, run by ONNX Runtime."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from nachash import codes
from nachash.inference.model_directory import open_model
from nachash.inference.onnx_encoder import OnnxEncoder
from nachash.library.picture import Picture, checked_list, pixels_of
from nachash.records import Preprocessing
from nachash.shapes import Float32, UInt8

_AT_ONCE: Final = 256


@final
class Encoder:
    """Pictures in, real activations or packed codes out."""

    def __init__(self, onnx: bytes, preprocessing: Preprocessing, config: dict[str, Any]) -> None:
        self.onnx = onnx
        self.preprocessing = preprocessing
        self.config = config
        self._session = OnnxEncoder(onnx)
        self.bits: int = self._session.bits

    @classmethod
    def load(cls, directory: str | Path = "runs/latest") -> "Encoder":
        """The encoder of a model directory.

        Raises:
            MissingError, DamagedError, IncompatibleError: the directory cannot be used.
        """
        onnx, config = open_model(Path(directory))
        return cls(onnx, config.preprocessing, asdict(config))

    def activations(
        self, pictures: Sequence[Picture] | np.ndarray
    ) -> Float32[np.ndarray, "batch bits"]:
        """Real activations of paths, Pillow images or uint8 arrays; a bit is `activation > 0`.

        Raises:
            ImageError: a picture cannot be read.
        """
        checked_list(pictures)
        found = [np.zeros((0, self.bits), np.float32)]
        for start in range(0, len(pictures), _AT_ONCE):
            pixels = pixels_of(pictures[start : start + _AT_ONCE], self.preprocessing)
            found.append(self._session.activations(pixels))
        return np.concatenate(found)

    def encode(self, pictures: Sequence[Picture] | np.ndarray) -> UInt8[np.ndarray, "batch bytes"]:
        """Packed codes of pictures, most significant bit first.

        Raises:
            ImageError: a picture cannot be read.
        """
        return codes.encode(self.activations(pictures))
