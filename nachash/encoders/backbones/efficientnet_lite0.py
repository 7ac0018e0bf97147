"""EfficientNet-Lite0: 4.7 million weights, 1280 features; with ImageNet weights from a pip package.

0.39 billion multiplications for 224 x 224 pixels.
What photographs get by default, frozen.
"""

from nachash.encoders.backbones._efficientnet_lite import constructor

backbone = constructor(0)
