"""Figures of the poster of Park, Lee, Kim, Blei (ICML 2021), as fractions, by data set and method.

They stand beside measured ones for comparison, and never enter a computation. Retrieval: mAP over
all; the authors' code defaults to 128 bits and trains VGG-16 for 2,000 epochs. Classification:
accuracy of a linear classifier on a ResNet-50.
"""

from collections.abc import Mapping
from typing import Final

MAP: Final[Mapping[str, Mapping[str, float]]] = {
    "cifar10": {
        "deepbit": 0.253,
        "ssdh": 0.260,
        "distillhash": 0.290,
        "moco-v2": 0.323,
        "simclr": 0.342,
        "nac": 0.405,
    },
    "flickr25k": {
        "deepbit": 0.593,
        "ssdh": 0.662,
        "distillhash": 0.700,
        "moco-v2": 0.650,
        "simclr": 0.654,
        "nac": 0.708,
    },
}

LINEAR: Final[Mapping[str, Mapping[str, float]]] = {
    "cifar10": {"insdis": 0.808, "simclr": 0.928, "moco-v2": 0.916, "nac": 0.939},
    "imagenet": {"insdis": 0.540, "simclr": 0.666, "moco-v2": 0.675, "nac": 0.650},
}

# "Encoder Pretraining for Variational Autoencoders": log-likelihood and KL divergence in nats, by
# the method that trained the encoder. Which likelihood, scale of pixels, latents, decoder, images
# and length these are of is stated neither there nor in the published code.
VAE: Final[Mapping[str, tuple[float, float]]] = {
    "random": (-3202.0, 33.0),
    "simclr": (-3174.0, 38.9),
    "moco-v2": (-3103.0, 32.2),
    "nac": (-2865.0, 71.8),
}
