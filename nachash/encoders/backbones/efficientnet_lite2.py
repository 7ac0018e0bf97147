"""EfficientNet-Lite2: 6.1 million weights, 1280 features; with ImageNet weights from a pip package.

0.86 billion multiplications for 260 x 260 pixels.
At the same size of pictures a third slower than Lite0.
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
    return pooled(2, pretrained=pretrained)
