"""The paper's network for hashing CIFAR: VGG-16 with batch norm, averaged over all places; 512.

Source: Simonyan, Zisserman, "Very deep convolutional networks for large-scale image
recognition", ICLR 2015; the changes as in `model.py` of github.com/yookoon/nac.
"""

from torch import nn

from nachash.encoders.backbones import Backbone
from nachash.encoders.backbones._weights import CIFAR, IMAGENET, not_downloaded


def backbone(*, pretrained: bool = False) -> Backbone:
    """VGG-16-BN with 1 x 1 average pooling and without its classifier.

    Raises:
        MissingError: the pretrained weights cannot be downloaded.
    """
    from torchvision.models import VGG16_BN_Weights, vgg16_bn

    try:
        network = vgg16_bn(weights=VGG16_BN_Weights.DEFAULT if pretrained else None)
    except OSError as error:
        raise not_downloaded("vgg16", error) from error
    network.avgpool = nn.AdaptiveAvgPool2d(1)
    network.classifier = nn.Identity()
    colours = IMAGENET if pretrained else CIFAR
    return Backbone(network, 512, *colours, classifier=("classifier.",))
