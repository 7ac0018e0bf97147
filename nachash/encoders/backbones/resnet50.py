"""The paper's network for CIFAR: ResNet-50 with a 3 x 3 stem and no max-pooling; 2048 features.

Source: He et al., "Deep residual learning for image recognition", CVPR 2016; the changes as in
`model.py` of github.com/yookoon/nac.
"""

from typing import Final

from nachash.encoders.backbones import Backbone

VARIANTS: Final = False


def backbone(*, variant: str = "", pretrained: bool = False) -> Backbone:
    """ResNet-50 for small images, with random weights.

    Raises:
        MissingError: pretrained weights are asked for; those published have another stem.
    """
    del variant
    from torchvision.models import resnet50

    from nachash.encoders.backbones._cifar_resnet import fitted

    return fitted(resnet50(), name="resnet50", pretrained=pretrained)
