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
