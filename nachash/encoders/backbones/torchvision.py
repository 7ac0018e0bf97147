"""Any classification network of torchvision, as torchvision/NAME, without its last layer."""

from typing import Final

from torch import nn

from nachash.encoders.backbones import Backbone
from nachash.encoders.backbones._weights import IMAGENET, not_downloaded
from nachash.errors import UsageError
from nachash.near_word import did_you_mean

VARIANTS: Final = True
_CLASSIFIERS = ("fc", "classifier", "heads", "head")


def backbone(*, variant: str, pretrained: bool = False) -> Backbone:
    """The network `variant` of `torchvision.models`; its last linear layer is taken off.

    Raises:
        UsageError: there is no such network, or it does not end with a linear layer.
        MissingError: the pretrained weights cannot be downloaded.
    """
    from torchvision import models

    known = models.list_models(module=models)
    if variant not in known:
        raise UsageError(
            f"torchvision has no network '{variant}'",
            did_you_mean(variant, known, "torchvision/resnet18", most=3),
        )
    try:
        network = models.get_model(variant, weights="DEFAULT" if pretrained else None)
    except OSError as error:
        raise not_downloaded(f"torchvision/{variant}", error) from error
    name, features = _without_last_layer(network, variant)
    return Backbone(network, features, *IMAGENET, classifier=(f"{name}.",))


def _without_last_layer(network: nn.Module, variant: str) -> tuple[str, int]:
    """Replace the last linear layer by the identity; its name and the number of its inputs."""
    linear = [name for name, part in network.named_modules() if isinstance(part, nn.Linear)]
    side_outputs = getattr(network, "aux_logits", False)
    if side_outputs or not linear or linear[-1].partition(".")[0] not in _CLASSIFIERS:
        raise UsageError(
            f"torchvision/{variant} does not end with one linear layer",
            "--backbone torchvision/resnet18, or timm/NAME",
        )
    layer = network.get_submodule(linear[-1])
    assert isinstance(layer, nn.Linear)
    network.set_submodule(linear[-1], nn.Identity())
    return linear[-1], layer.in_features
