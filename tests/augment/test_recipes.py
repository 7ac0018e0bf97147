"""What every recipe of views promises, over the folder of recipes."""

import math

import pytest
import torch

from nachash import plugins
from nachash.augment._geometry import sample, turn

every_recipe = pytest.mark.parametrize("name", plugins.names("augment"))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int, height: int = 32, width: int = 32) -> torch.Tensor:
    shape = (count, 3, height, width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=seeded(1))


@every_recipe
@pytest.mark.parametrize(("height", "width", "size"), [(32, 32, 32), (48, 40, 32), (20, 28, 64)])
def test_views_have_the_size_and_lie_in_the_unit_range(
    name: str, height: int, width: int, size: int
) -> None:
    views = plugins.load("augment", name).recipe(size)(pictures(9, height, width), seeded(0))

    assert views.shape == (9, 3, size, size)
    assert views.dtype == torch.float32
    assert views.min() >= 0
    assert views.max() <= 1


@every_recipe
def test_the_generator_alone_decides(name: str) -> None:
    recipe, images = plugins.load("augment", name).recipe(32), pictures(8)

    torch.manual_seed(0)
    first = recipe(images, seeded(5))
    torch.manual_seed(1)
    again, other = recipe(images, seeded(5)), recipe(images, seeded(6))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@every_recipe
def test_each_image_gets_parameters_of_its_own(name: str) -> None:
    images = pictures(1).expand(16, -1, -1, -1)

    views = plugins.load("augment", name).recipe(32)(images, seeded(0))

    different = len({tuple(view) for view in views.flatten(1).tolist()})
    # Turns are by one of five angles, all else varies without end.
    assert 1 < different <= 5 if name == "rotation" else different == 16


@every_recipe
def test_bytes_and_numbers_give_the_same_views_and_stay_as_they_were(name: str) -> None:
    recipe, images = plugins.load("augment", name).recipe(32), pictures(4)
    before = images.clone()
    floats = images.float() / 255
    kept = floats.clone()

    assert torch.equal(recipe(images, seeded(0)), recipe(floats, seeded(0)))
    assert torch.equal(images, before)
    assert torch.equal(floats, kept)


@every_recipe
def test_views_resemble_their_image(name: str) -> None:
    """A black and a white image stay far apart, so that an image can be told from its view."""
    images = torch.zeros(32, 3, 32, 32, dtype=torch.uint8)
    images[16:] = 255

    means = plugins.load("augment", name).recipe(32)(images, seeded(0)).mean(dim=(1, 2, 3))

    assert means[:16].max() < means[16:].min()


def test_digits_are_never_mirrored() -> None:
    """A bright left half stays on the left."""
    images = torch.zeros(200, 3, 32, 32)
    images[..., :16] = 0.8

    views = plugins.load("augment", "digits").recipe(32)(images, seeded(0))

    assert (views[..., :8].mean(dim=(1, 2, 3)) > views[..., 24:].mean(dim=(1, 2, 3))).all()


@pytest.mark.parametrize("name", ["cifar", "photo"])
def test_photographs_are_mirrored_half_the_time_and_grey_one_time_in_five(name: str) -> None:
    ramp = torch.linspace(0.2, 0.8, 32).expand(2000, 3, 32, 32).clone()
    ramp[:, 0] *= 0.5

    views = plugins.load("augment", name).recipe(32)(ramp, seeded(0))

    mirrored = views[..., 0].mean(dim=(1, 2)) > views[..., -1].mean(dim=(1, 2))
    grey = (views - views.mean(dim=1, keepdim=True)).abs().amax(dim=(1, 2, 3)) < 1e-3
    assert 0.45 < mirrored.float().mean() < 0.55
    assert 0.16 < grey.float().mean() < 0.24


def test_a_view_of_rotation_is_turned_by_one_of_five_angles_as_often_as_published() -> None:
    """A bar through the centre points along the angle; its ends tell which it is."""
    images = torch.zeros(4000, 3, 64, 64)
    images[..., 31:33, 34:] = 1.0  # to the right of the centre alone

    views = plugins.load("augment", "rotation").recipe(64)(images, seeded(0))

    bright = views[:, 0]
    place = torch.arange(64) - 31.5
    across = (bright * place).sum(dim=(1, 2))
    down = (bright * place[:, None]).sum(dim=(1, 2))
    degrees = torch.rad2deg(torch.atan2(down, across))
    steps = (degrees / 5).round()
    assert (degrees - 5 * steps).abs().max() < 1
    weights = [math.exp(-(k**2) / 2) for k in range(-2, 3)]
    for k, weight in zip(range(-2, 3), weights, strict=True):
        share = (steps == k).float().mean().item()
        expected = weight / sum(weights)
        assert share == pytest.approx(expected, abs=5 * math.sqrt(expected / 4000))


@pytest.mark.parametrize("degrees", [-10.0, 0.0, 5.0, 90.0])
def test_a_turned_disc_stays_a_disc_on_images_that_are_no_squares(degrees: float) -> None:
    down, across = torch.meshgrid(torch.arange(60) - 29.5, torch.arange(40) - 19.5, indexing="ij")
    disc = ((down**2 + across**2) < 15**2).float().expand(1, 3, 60, 40)

    moved = sample(disc, turn(torch.tensor([degrees]), height=60, width=40), 60)
    still = sample(disc, turn(torch.tensor([0.0]), height=60, width=40), 60)

    assert (moved - still).abs().mean() < 0.02


def test_crop_and_flip_leave_colours_alone() -> None:
    """An image of one colour stays as it is; a ramp is mirrored half the time."""
    plain = torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1).expand(8, 3, 32, 32)
    ramp = torch.linspace(0.2, 0.8, 32).expand(2000, 3, 32, 32)
    recipe = plugins.load("augment", "crop-flip").recipe(32)

    views = recipe(ramp, seeded(0))

    assert torch.allclose(recipe(plain, seeded(0)), plain)
    mirrored = views[..., 0].mean(dim=(1, 2)) > views[..., -1].mean(dim=(1, 2))
    assert 0.45 < mirrored.float().mean() < 0.55
    assert views.min() >= 0.199
    assert views.max() <= 0.801
