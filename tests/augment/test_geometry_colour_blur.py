"""The pieces of the recipes against torch, torchvision and loops."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torchvision.transforms.v2 import functional as reference

from nachash.augment._blur import gaussian_blur
from nachash.augment._colour import Jitter, jitter
from nachash.augment._geometry import compose, flip, resized_crop, sample, small_affine
from nachash.augment._random import Draws

OFF = Jitter(0.0, 0.0, 0.0, 0.0, probability=1.0, grey_probability=0.0)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draws(batch: int, seed: int = 0) -> Draws:
    return Draws(seeded(seed), torch.device("cpu"), batch)


def pictures(batch: int = 4, size: int = 16) -> torch.Tensor:
    """Colours between 0.3 and 0.6, so that small changes are not clipped."""
    return 0.3 + 0.3 * torch.rand(batch, 3, size, size, generator=seeded(3))


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    height=st.integers(8, 80),
    width=st.integers(8, 80),
    low=st.floats(0.05, 0.9),
)
def test_crops_lie_inside_the_image_and_have_the_asked_area_and_ratio(
    seed: int, height: int, width: int, low: float
) -> None:
    boxes = resized_crop(draws(64, seed), height=height, width=width, scale=(low, 1.0))

    wide, high = boxes[:, 0, 0], boxes[:, 1, 1]
    across, down = boxes[:, 0, 2], boxes[:, 1, 2]
    largest = (wide == 1) | (high == 1)
    ratio = wide * width / (high * height)
    assert ((across.abs() + wide) <= 1 + 1e-5).all()
    assert ((down.abs() + high) <= 1 + 1e-5).all()
    assert (largest | (wide * high >= low - 1e-4)).all()
    assert ((ratio > 3 / 4 - 1e-3) & (ratio < 4 / 3 + 1e-3)).all()


def test_areas_of_crops_are_spread_over_the_whole_scale() -> None:
    boxes = resized_crop(draws(4000), height=32, width=32, scale=(0.08, 1.0))

    areas = boxes[:, 0, 0] * boxes[:, 1, 1]

    assert areas.min() < 0.1
    assert areas.max() > 0.9
    # Uniform in [0.08, 1], but for the largest, which fit with few ratios only.
    assert torch.histc(areas, bins=4, min=0.08, max=0.8).min() > 600


def test_sampling_equals_torch_s_own_affine_grid() -> None:
    images = pictures(5, 20)
    matrices = small_affine(draws(5), degrees=30.0, shift=0.3, zoom=(0.7, 1.3), shear=0.3)

    grid = functional.affine_grid(matrices, [5, 3, 24, 24], align_corners=False)
    expected = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)

    torch.testing.assert_close(sample(images, matrices, 24), expected, atol=1e-5, rtol=0)


def test_a_composed_map_is_one_map_after_the_other() -> None:
    outer = small_affine(draws(3), degrees=20.0, shift=0.2, zoom=(0.8, 1.2), shear=0.1)
    inner = small_affine(draws(3, seed=1), degrees=20.0, shift=0.2, zoom=(0.8, 1.2), shear=0.1)
    point = torch.tensor([0.3, -0.4, 1.0])

    middle = torch.cat((inner @ point, torch.ones(3, 1)), dim=1)

    expected = (outer @ middle[:, :, None]).squeeze(2)
    torch.testing.assert_close(compose(outer, inner) @ point, expected)


def test_a_flip_mirrors_left_and_right() -> None:
    images = pictures(20)
    maps = flip(draws(20))

    views = sample(images, maps, 16)

    mirrored = maps[:, 0, 0] < 0
    assert 0 < mirrored.sum() < 20
    torch.testing.assert_close(views[mirrored], images[mirrored].flip(3))
    torch.testing.assert_close(views[~mirrored], images[~mirrored])


def test_a_small_affine_map_turns_and_zooms_by_its_numbers() -> None:
    maps = small_affine(draws(500), degrees=15.0, shift=0.2, zoom=(0.9, 1.1), shear=0.0)

    areas = torch.linalg.det(maps[:, :, :2])
    angles = torch.rad2deg(torch.atan2(maps[:, 1, 0], maps[:, 0, 0]))

    assert (areas > 1 / 1.1**2 - 1e-4).all()
    assert (areas < 1 / 0.9**2 + 1e-4).all()
    assert 14 < angles.abs().max() <= 15.001
    assert 0.19 < maps[:, :, 2].abs().max() <= 0.2


@pytest.mark.parametrize("part", ["brightness", "contrast", "saturation"])
def test_each_colour_change_equals_torchvision_s(part: str) -> None:
    """The factor that was drawn is found again by drawing it again."""
    amounts = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, part: 0.3}
    amount = Jitter(**amounts, hue=0.0, probability=1.0, grey_probability=0.0)
    images = pictures()
    again = draws(4)
    again.chosen(1.0)
    for name, largest in amounts.items():
        factors = 1 + again.uniform(-largest, largest)
        if name == part:
            break

    changed = jitter(images, amount, draws(4))

    adjust = getattr(reference, f"adjust_{part}")
    for view, image, factor in zip(changed, images, factors, strict=True):
        expected = adjust(image, factor.item())
        torch.testing.assert_close(view, expected, atol=2e-3, rtol=0)


def test_no_change_leaves_images_alone_and_a_certain_grey_takes_the_colour() -> None:
    images = pictures()

    grey = jitter(
        images, Jitter(0.0, 0.0, 0.0, 0.3, probability=1.0, grey_probability=1.0), draws(4)
    )

    torch.testing.assert_close(jitter(images, OFF, draws(4)), images, atol=1e-6, rtol=0)
    expected = reference.rgb_to_grayscale(images, num_output_channels=3)
    torch.testing.assert_close(grey, expected, atol=2e-3, rtol=0)


def test_a_turned_hue_keeps_the_luma_and_changes_the_colour() -> None:
    images = pictures()

    turned = jitter(
        images, Jitter(0.0, 0.0, 0.0, 0.3, probability=1.0, grey_probability=0.0), draws(4)
    )

    luma = torch.tensor([0.299, 0.587, 0.114])
    before, after = (torch.einsum("nchw,c->nhw", part, luma) for part in (images, turned))
    torch.testing.assert_close(before, after, atol=1e-3, rtol=0)
    assert (images - turned).abs().amax(dim=(1, 2, 3)).min() > 0.01


def test_colours_change_as_often_as_was_asked() -> None:
    images = pictures(1).expand(2000, -1, -1, -1)
    amount = Jitter(0.4, 0.0, 0.0, 0.0, probability=0.8, grey_probability=0.0)

    changed = jitter(images, amount, draws(2000))

    share = ((changed - images).abs().amax(dim=(1, 2, 3)) > 1e-6).float().mean()
    assert 0.77 < share < 0.83


def test_blur_equals_the_sum_over_neighbours() -> None:
    images = pictures(2, 9)
    sigma = torch.tensor([0.6, 1.7])

    blurred = gaussian_blur(images, sigma).numpy()

    for index in range(2):
        expected = slow_blur(images[index].numpy(), sigma[index].item())
        np.testing.assert_allclose(blurred[index], expected, atol=1e-5)


def slow_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian mean over all pixels inside the image, weights normalised to one."""
    blurred = np.empty_like(image)
    _, height, width = image.shape
    for row in range(height):
        for column in range(width):
            total, weight = np.zeros(3), 0.0
            for y in range(height):
                for x in range(width):
                    near = math.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * sigma**2))
                    total, weight = total + near * image[:, y, x], weight + near
            blurred[:, row, column] = total / weight
    return blurred


def test_a_blur_of_width_zero_changes_nothing_and_a_flat_image_stays_flat() -> None:
    images = pictures()
    flat = torch.full((4, 3, 16, 16), 0.5)

    torch.testing.assert_close(gaussian_blur(images, torch.zeros(4)), images)
    torch.testing.assert_close(gaussian_blur(flat, torch.full((4,), 1.5)), flat, atol=1e-5, rtol=0)
