"""EfficientNet-Lite0: 4.7 million weights, 1280 features; with ImageNet weights from a pip package.

0.39 billion multiplications for 224 x 224 pixels.
What photographs get by default, frozen.
"""

from typing import Final

from nachash.encoders.backbones import Backbone
from nachash.encoders.backbones._efficientnet_lite import pooled

VARIANTS: Final = False


def backbone(*, variant: str = "", pretrained: bool = False) -> Backbone:
    """The network, pooled, with the normalisation that its weights expect.

    Raises:
        MissingError: pretrained weights are asked for and their package is not installed.
        IncompatibleError: the package carries other weights than expected.
    """
    del variant
    return pooled(0, pretrained=pretrained)
