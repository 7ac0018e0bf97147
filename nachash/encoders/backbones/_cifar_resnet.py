"""Residual networks of torchvision, fitted to small images as the NAC authors do."""

from collections.abc import Callable
from functools import partial

from torch import nn

from nachash.encoders.backbones import Backbone
from nachash.encoders.backbones._weights import CIFAR, no_published_weights


def constructor(name: str) -> Callable[..., Backbone]:
    """The public constructor of a ResNet of torchvision for images of about 32 pixels."""
    return partial(_fitted, name)


def _fitted(name: str, *, pretrained: bool = False) -> Backbone:
    """The network with a 3 x 3 stem of stride 1, without max-pooling and classifier.

    Raises:
        MissingError: pretrained weights are asked for; those published have the 7 x 7 stem.
    """
    if pretrained:
        error = no_published_weights(name)
        error.hint = f"--backbone torchvision/{name} --weights pretrained"
        raise error
    from torchvision import models

    network = models.get_model(name)
    network.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    network.maxpool = nn.Identity()
    features = network.fc.in_features
    network.fc = nn.Identity()
    return Backbone(network, features, *CIFAR, classifier=("fc.",))
