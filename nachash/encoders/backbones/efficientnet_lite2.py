"""EfficientNet-Lite2: 6.1 million weights, 1280 features; with ImageNet weights from a pip package.

0.86 billion multiplications for 260 x 260 pixels.
At the same size of pictures a third slower than Lite0.
"""

from nachash.encoders.backbones._efficientnet_lite import constructor

backbone = constructor(2)
