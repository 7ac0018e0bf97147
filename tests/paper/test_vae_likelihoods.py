"""Likelihoods against torch.distributions and against loops written from the definitions."""

import math

import numpy as np
import pytest
import torch

from nachash.errors import UsageError
from nachash.paper.vae.likelihoods import (
    LEAST_DEVIATION,
    LIKELIHOODS,
    bits_per_dimension,
    discretized_logistic,
    gaussian,
    learned_gaussian,
    likelihood,
    symmetric_gaussian,
)


@pytest.fixture
def levels():
    """8-bit levels of three images, the lowest and the highest among them."""
    drawn = np.random.default_rng(0).integers(0, 256, (3, 3, 4, 4))
    drawn[0, 0, 0, :2] = 0, 255
    return drawn


@pytest.fixture
def means(levels):
    """What a decoder may make of them."""
    return torch.from_numpy(levels / 255 + np.random.default_rng(1).normal(0, 0.04, levels.shape))


def as_images(levels):
    return torch.from_numpy(levels / 255)


def logistic_cdf(value):
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


def naive_discretized_logistic(levels, means, scale):
    """From the definition: differences of the logistic distribution function, open at both ends."""
    total = 0.0
    for level, mean in zip(levels.ravel(), means.ravel(), strict=True):
        upper = 1.0 if level == 255 else logistic_cdf(((level + 0.5) / 255 - mean) / scale)
        lower = 0.0 if level == 0 else logistic_cdf(((level - 0.5) / 255 - mean) / scale)
        total += math.log(upper - lower)
    return total


@pytest.mark.parametrize("scale", [0.1, 1.0, 2.5])
def test_gaussian_is_that_of_torch(levels, means, scale):
    images = as_images(levels)
    expected = torch.distributions.Normal(means, scale).log_prob(images).sum((1, 2, 3))

    found = gaussian(images, means, torch.tensor(scale).double())

    torch.testing.assert_close(found, expected)


def test_gaussian_of_a_perfect_reconstruction_is_its_constant():
    image = torch.full((1, 3, 32, 32), 0.3, dtype=torch.float64)

    found = gaussian(image, image, torch.tensor(1.0).double())

    assert float(found) == pytest.approx(-1536 * math.log(2 * math.pi))  # -2822.98


def test_symmetric_gaussian_is_that_of_pixels_between_minus_one_and_one(levels, means):
    images = as_images(levels)
    normal = torch.distributions.Normal(2 * means - 1, 1.0)

    found = symmetric_gaussian(images, means, torch.tensor(1.0).double())

    torch.testing.assert_close(found, normal.log_prob(2 * images - 1).sum((1, 2, 3)))


def test_learned_gaussian_is_bounded_by_the_rounding_of_pixels(levels):
    images = as_images(levels)

    found = learned_gaussian(images, images, torch.tensor(1e-9).double())

    expected = -48 * (math.log(1 / (255 * math.sqrt(12))) + 0.5 * math.log(2 * math.pi))
    np.testing.assert_allclose(found, [expected] * 3)
    assert pytest.approx(1 / (255 * math.sqrt(12))) == LEAST_DEVIATION


@pytest.mark.parametrize("scale", [0.01, 0.1, 1.0, 5.0])
def test_discretized_logistic_is_the_definition(levels, means, scale):
    found = discretized_logistic(as_images(levels), means, torch.tensor(scale).double())

    expected = [
        naive_discretized_logistic(each, mean, scale)
        for each, mean in zip(levels, means.numpy(), strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6)  # the definition cancels


@pytest.mark.parametrize("mean", [-0.3, 0.0, 0.4, 1.0])
@pytest.mark.parametrize("scale", [1e-3, 0.05, 1.0, 50.0])
def test_probabilities_of_all_levels_sum_to_one(mean, scale):
    every = torch.arange(256, dtype=torch.float64).view(256, 1, 1, 1) / 255
    means = torch.full_like(every, mean)

    found = discretized_logistic(every, means, torch.tensor(scale).double())

    assert float(found.exp().sum()) == pytest.approx(1, abs=1e-9)


def test_discretized_logistic_far_off_has_a_gradient_in_single_precision():
    image, mean = torch.full((1, 3, 1, 1), 0.5), torch.zeros(1, 3, 1, 1, requires_grad=True)

    found = discretized_logistic(image, mean, torch.tensor(1e-3))
    found.sum().backward()

    # The tail falls like exp(-(x - m) / s): 3 numbers, each 500 scales away.
    assert found.item() == pytest.approx(-1496, abs=10)
    np.testing.assert_allclose(mean.grad, 1000, rtol=1e-3)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_every_likelihood_prefers_the_image_itself_and_says_what_it_is_of(name):
    kind = likelihood(name)
    image = torch.full((1, 3, 8, 8), 0.6)
    scale = torch.tensor(kind.first_scale)

    at_image = kind.log_probability(image, image, scale)
    elsewhere = kind.log_probability(image, image - 0.3, scale)

    assert at_image > elsewhere
    assert "bits per dimension" in kind.explained
    assert ("density" in kind.explained) != (name == "discretized-logistic")


def test_the_explained_conversion_turns_a_density_into_one_over_levels():
    """A normal density summed over levels a unit apart is about one only after the conversion."""
    level = torch.arange(256, dtype=torch.float64).view(256, 1, 1, 1) / 255
    log_density = gaussian(level, torch.full_like(level, 0.5), torch.tensor(0.05).double())

    bits = [bits_per_dimension(-float(nats), 1) + math.log2(255) for nats in log_density]

    assert sum(2**-each for each in bits) == pytest.approx(1, abs=1e-6)


def test_bits_per_dimension_of_uniform_levels_are_eight():
    assert bits_per_dimension(3072 * math.log(256), 3072) == pytest.approx(8)


def test_an_unknown_likelihood_is_refused():
    with pytest.raises(UsageError, match="bernoulli"):
        likelihood("bernoulli")
