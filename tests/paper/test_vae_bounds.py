"""Bounds against torch.distributions, float64 loops, and a model whose log p(x) is known."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from nachash.paper.vae.bounds import (
    Gaussian,
    active_units,
    divergence_from_prior,
    importance_weighted,
    log_ratio,
)


@pytest.fixture
def posterior():
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(5, 7, generator=generator, dtype=torch.float64)
    return Gaussian(mean, torch.randn(5, 7, generator=generator, dtype=torch.float64))


def deviation(posterior):
    return torch.exp(posterior.log_variance / 2)


def test_divergence_is_that_of_torch(posterior):
    normal = Normal(posterior.mean, deviation(posterior))

    expected = kl_divergence(normal, Normal(0.0, 1.0)).sum(1)

    torch.testing.assert_close(divergence_from_prior(posterior), expected)


def test_the_prior_has_no_divergence_from_itself():
    prior = Gaussian(torch.zeros(2, 3), torch.zeros(2, 3))

    assert divergence_from_prior(prior).tolist() == [0, 0]


def test_log_ratio_is_the_difference_of_two_normal_densities(posterior):
    noise = torch.randn(4, 5, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    latents = posterior.mean + deviation(posterior) * noise

    expected = Normal(0.0, 1.0).log_prob(latents) - Normal(
        posterior.mean, deviation(posterior)
    ).log_prob(latents)

    torch.testing.assert_close(log_ratio(posterior, noise), expected.sum(-1))


def test_importance_weighted_is_the_log_of_the_mean_weight():
    log_weights = np.random.default_rng(0).normal(-5, 2, (6, 4))
    expected = [math.log(sum(math.exp(log_weights[k, i]) for k in range(6)) / 6) for i in range(4)]

    found = importance_weighted(torch.from_numpy(log_weights))

    np.testing.assert_allclose(found, expected)


def test_importance_weighted_holds_where_weights_do_not_fit_into_a_float():
    found = importance_weighted(torch.tensor([[-3000.0], [-3001.0]]).double())

    assert float(found) == pytest.approx(-3000 + math.log((1 + math.exp(-1)) / 2))


def test_jensen_holds_image_by_image_and_one_sample_gives_the_elbo():
    log_weights = torch.from_numpy(np.random.default_rng(1).normal(-3000, 8, (32, 200)))

    assert (importance_weighted(log_weights) >= log_weights.mean(dim=0)).all()
    torch.testing.assert_close(importance_weighted(log_weights[:1]), log_weights[0])


def test_the_bound_grows_with_samples_towards_the_known_log_likelihood():
    """p(z) = N(0, 1), p(x | z) = N(z, 1), so p(x) = N(0, 2); q = N(0.2, 0.6) is another."""
    x, drawn = 1.3, 20_000
    posterior = Gaussian(
        torch.full((drawn, 1), 0.2).double(), torch.full((drawn, 1), math.log(0.6)).double()
    )
    noise = torch.randn(32, drawn, 1, generator=torch.Generator().manual_seed(0)).double()
    log_likelihood = Normal(posterior.at(noise), 1.0).log_prob(torch.tensor(x)).sum(-1)
    log_weights = log_likelihood + log_ratio(posterior, noise)
    exact = float(Normal(0.0, math.sqrt(2)).log_prob(torch.tensor(x)))
    # E_q[log p(x|z)] - KL, both in closed form.
    elbo = (
        -0.5 * math.log(2 * math.pi)
        - 0.5 * ((x - 0.2) ** 2 + 0.6)
        - 0.5 * (0.2**2 + 0.6 - 1 - math.log(0.6))
    )

    bounds = [float(importance_weighted(log_weights[:k]).mean()) for k in (1, 2, 4, 8, 32)]

    assert bounds[0] == pytest.approx(elbo, abs=0.02)
    assert all(fewer < more for fewer, more in itertools.pairwise(bounds))
    assert exact - 0.03 < bounds[-1] < exact


def test_active_units_are_those_whose_mean_varies_by_more_than_a_hundredth():
    spread = np.sqrt([0.0, 0.009, 0.011, 4.0])
    means = torch.from_numpy(np.array([[-1.0], [1.0]] * 10) * spread + 3.0)

    assert active_units(means).tolist() == [False, False, True, True]
