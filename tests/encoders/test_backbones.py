"""What every backbone promises, and the networks of the paper."""

from pathlib import Path

import pytest
import torch
from torch import nn

from nachash import plugins
from nachash.encoders import backbones
from nachash.encoders.encoder import Encoder, initial
from nachash.errors import MissingError, UsageError

# A small network for each family that needs a variant.
VARIANTS = {"timm": "timm/mobilenetv3_small_050", "torchvision": "torchvision/mobilenet_v3_small"}
NAMES = [VARIANTS.get(name, name) for name in plugins.names("encoders.backbones")]


@pytest.mark.parametrize("name", NAMES)
def test_every_backbone_gives_the_features_it_announces(name: str) -> None:
    backbone = backbones.build(name)

    with torch.inference_mode():
        features = backbone.module.eval()(torch.rand(2, 3, 32, 32))

    assert features.shape == (2, backbone.features)
    assert torch.isfinite(features).all()


@pytest.mark.parametrize("name", NAMES)
def test_every_backbone_is_differentiable_down_to_its_first_weight(name: str) -> None:
    module = backbones.build(name).module.train()

    module(torch.rand(2, 3, 64, 64)).square().sum().backward()

    first = next(module.parameters())
    assert first.grad is not None
    assert first.grad.any()


def test_the_residual_networks_keep_small_images_large() -> None:
    """A 3 x 3 stem of stride 1 without max-pooling: 32 pixels reach the last stage as 4."""
    for name, features in (("resnet18", 512), ("resnet50", 2048)):
        module = backbones.build(name).module
        seen: list[torch.Size] = []
        layer = module.get_submodule("layer4")
        layer.register_forward_hook(lambda _module, _in, out, seen=seen: seen.append(out.shape))

        module.eval()(torch.rand(1, 3, 32, 32))

        stem = module.get_submodule("conv1")
        assert isinstance(stem, nn.Conv2d)
        assert (stem.kernel_size, stem.stride, stem.bias) == ((3, 3), (1, 1), None)
        assert seen == [torch.Size([1, features, 4, 4])]


def test_vgg16_has_thirteen_convolutions_and_no_classifier() -> None:
    backbone = backbones.build("vgg16")

    layers = [type(layer) for layer in backbone.module.modules()]

    assert layers.count(nn.Conv2d) == 13
    assert layers.count(nn.BatchNorm2d) == 13
    assert layers.count(nn.Linear) == 0
    assert backbone.features == 512


@pytest.mark.parametrize("name", ["vgg16", "resnet18", "resnet50"])
def test_the_papers_networks_normalise_colours_as_their_authors_do(name: str) -> None:
    backbone = backbones.build(name)

    assert backbone.mean == (0.4914, 0.4822, 0.4465)
    assert backbone.std == (0.2023, 0.1994, 0.2010)


def test_the_stem_of_the_papers_resnet_begins_as_torch_begins_it() -> None:
    """Uniform within 1 / sqrt(27): nothing beyond 0.1925, where a normal start has a tail."""
    stem = backbones.build("resnet50").module.get_parameter("conv1.weight")

    assert stem.abs().max() <= 27**-0.5
    assert stem.std().item() == pytest.approx(27**-0.5 / 3**0.5, rel=0.05)


def test_the_small_network_is_as_small_as_its_docstring_says() -> None:
    weights = sum(weight.numel() for weight in backbones.build("small").module.parameters())

    assert 250_000 < weights < 350_000


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("smal", "did you mean small"),
        ("small/er", "--backbone small"),
        ("timm", "timm/NAME"),
        ("timm/mobilenetv3_smal_050", "mobilenetv3_small"),
        ("torchvision/resnet19", "resnet18"),
        ("torchvision/squeezenet1_0", "torchvision/resnet18"),
    ],
)
def test_a_wrong_name_is_answered_with_a_right_one(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        backbones.build(name)

    assert hint in caught.value.hint


@pytest.mark.parametrize("name", ["small", "resnet18", "resnet50"])
def test_weights_that_nobody_published_are_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(MissingError, match=f"no pretrained weights for the backbone '{name}'"):
        backbones.build(name, pretrained=True)


def test_an_encoder_normalises_pixels_as_its_weights_expect() -> None:
    backbone = backbones.Backbone(nn.Flatten(), 3 * 4, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.1))
    encoder = Encoder(backbone, bits=5)
    images = torch.rand(4, 3, 2, 2)

    features = encoder(images).features.view(4, 3, 2, 2)

    for channel, (mean, std) in enumerate(zip(backbone.mean, backbone.std, strict=True)):
        expected = (images[:, channel] - mean) / std
        torch.testing.assert_close(features[:, channel], expected)


def test_batch_norm_balances_the_bits_and_scaling_keeps_the_signs() -> None:
    images = torch.rand(64, 3, 16, 16)
    torch.manual_seed(0)
    balanced = initial("small", weights="random", bits=32, head="batch-norm")
    scaled = initial("small", weights="random", bits=32, head="scaled")

    activations = balanced.train()(images).activations
    torch.testing.assert_close(activations.mean(dim=0), torch.zeros(32), atol=1e-4, rtol=0)
    assert (activations.std(dim=0) > 0.5).all()

    linear = torch.nn.Sequential(*list(scaled.head)[:3])(scaled(images).features)
    torch.testing.assert_close(scaled(images).activations * 32**0.5, linear)


def test_an_unknown_head_and_an_impossible_length_are_refused() -> None:
    with pytest.raises(UsageError, match="not a head"):
        initial("small", weights="random", bits=8, head="none")
    with pytest.raises(UsageError, match="0 bits"):
        initial("small", weights="random", bits=0, head="scaled")
    with pytest.raises(MissingError, match="no file of weights"):
        initial("small", weights=str(Path("nowhere.pt")), bits=8, head="scaled")
