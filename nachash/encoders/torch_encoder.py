"""A trained encoder on a torch device, from pixels to activations."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nachash.encoders import model_directory
from nachash.encoders.encoder import Encoded, Encoder
from nachash.shapes import Float, Float32, UInt8


class TorchEncoder:
    """The counterpart of `inference.OnnxEncoder` for GPUs; the same numbers within rounding."""

    def __init__(self, directory: Path, device: str) -> None:
        encoder, config = model_directory.load(directory)
        self._device = torch.device(device)
        self._encoder = encoder.to(self._device).to(memory_format=torch.channels_last)
        self.bits = config.bits
        self.size = config.preprocessing.size

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._device

    def activations(
        self, pixels: UInt8[np.ndarray, "batch size size 3"]
    ) -> Float32[np.ndarray, "batch bits"]:
        """One number per bit and image; the bit is `activation > 0`."""
        return self.encoded(pixels)[1]

    def encoded(
        self, pixels: UInt8[np.ndarray, "batch size size 3"]
    ) -> tuple[Float32[np.ndarray, "batch features"], Float32[np.ndarray, "batch bits"]]:
        """Pooled features and activations."""
        images = torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2)
        features, activations = self.of_views(images.float() / 255)
        return features.cpu().numpy(), activations.cpu().numpy()

    @torch.no_grad()
    def of_views(self, images: Float[Tensor, "batch 3 size size"]) -> Encoded:
        """The same of images in [0, 1] on the device; the numbers may be trained upon."""
        encoded: Encoded = self._encoder(images)
        return encoded


def feature_function(
    encoder: Encoder, device: str
) -> Callable[[UInt8[np.ndarray, "batch size size 3"]], Float32[np.ndarray, "batch features"]]:
    """Pixels to features by the backbone in inference mode, on a torch device."""
    place = torch.device(device)
    network = encoder.eval().to(place)

    def features(
        pixels: UInt8[np.ndarray, "batch size size 3"],
    ) -> Float32[np.ndarray, "batch features"]:
        images = torch.from_numpy(pixels).to(place).permute(0, 3, 1, 2)
        with torch.inference_mode():
            return network.backbone_features(images.float() / 255).float().cpu().numpy()

    return features
