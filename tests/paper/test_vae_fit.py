"""Networks, fit and measures on a few small pictures and a backbone of one layer."""

import contextlib
import math

import numpy as np
import pytest
import torch
from torch import nn

from nachash.errors import TrainingError, UsageError
from nachash.paper.vae import evaluation, fit, optimised_posterior
from nachash.paper.vae.autoencoder import Autoencoder
from nachash.paper.vae.decoder import Decoder, sides
from nachash.paper.vae.likelihoods import LIKELIHOODS, likelihood
from nachash.paper.vae.posterior import Posterior

LATENT = 4


def network(name="gaussian", size=8):
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    backbone.append(nn.Flatten())
    half = torch.full((1, 3, 1, 1), 0.5)
    posterior = Posterior(backbone, 6, LATENT, mean=half, std=half / 2)
    return Autoencoder(posterior, Decoder(LATENT, size), likelihood(name))


def course(steps=20, rate=3e-3, images=12):
    return fit.Course(
        steps_per_epoch=4,
        share=lambda step, seconds: step / steps,
        positions=lambda step: torch.arange(images),
        generator=lambda step: torch.Generator().manual_seed(step),
        rate=lambda share: rate,
        arithmetic=contextlib.nullcontext,
    )


@pytest.fixture
def pictures():
    """Plain tiles, each of one brightness."""
    levels = np.linspace(0, 255, 12).astype(np.uint8)[:, None, None, None]
    return torch.from_numpy(np.broadcast_to(levels, (12, 3, 8, 8)).copy())


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_fitting_raises_the_bound_and_reaches_every_weight(name, pictures):
    model = network(name)
    before = {key: weight.detach().clone() for key, weight in model.named_parameters()}

    found = list(fit.epochs(model, pictures, course(steps=40)))

    assert [epoch.number for epoch in found] == list(range(1, 11))
    assert [epoch.steps for epoch in found] == list(range(4, 44, 4))
    assert found[-1].elbo > found[0].elbo
    for key, weight in model.named_parameters():
        moved = not torch.equal(before[key], weight)
        assert moved == (key != "log_scale" or likelihood(name).learnt), key


def test_an_epoch_that_a_budget_cuts_short_is_told_as_well(pictures):
    found = list(fit.epochs(network(), pictures, course(steps=6)))

    assert [(epoch.number, epoch.steps) for epoch in found] == [(1, 4), (2, 6)]
    assert found[-1].share == 1


def test_a_bound_that_is_not_finite_stops_with_the_step(pictures):
    model = network()
    with torch.no_grad():
        model.decoder.first.bias.fill_(math.nan)

    with pytest.raises(TrainingError, match="step 1 is nan"):
        list(fit.epochs(model, pictures, course()))


def test_the_terms_are_those_of_the_parts(pictures):
    model = network().eval()
    images = fit.as_floats(pictures, torch.device("cpu"))
    noise = torch.randn(12, LATENT)

    terms = model(images, noise)

    mean, log_variance = model.posterior(images)
    drawn = model.decoder(mean + torch.exp(log_variance / 2) * noise)
    normal = torch.distributions.Normal(drawn, 1.0)
    torch.testing.assert_close(terms.log_likelihood, normal.log_prob(images).sum((1, 2, 3)))
    kl = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, torch.exp(log_variance / 2)),
        torch.distributions.Normal(0.0, 1.0),
    )
    torch.testing.assert_close(terms.divergence, kl.sum(1))


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_the_elbo_never_exceeds_the_importance_weighted_bound(name, pictures):
    model = network(name)
    list(fit.epochs(model, pictures, course()))

    found = evaluation.estimate(model, pictures, 50, seed=0)

    assert (found.elbo <= found.importance_weighted).all()
    torch.testing.assert_close(found.log_likelihood - found.divergence, found.elbo)
    single = [evaluation.terms(model, pictures, seed=seed) for seed in range(50)]
    assert float(found.divergence.mean()) == pytest.approx(
        float(single[0].divergence), rel=0.1, abs=0.1
    )
    assert float(found.log_likelihood.mean()) == pytest.approx(
        np.mean([float(terms.log_likelihood) for terms in single]), rel=0.02, abs=4
    )


def test_one_sample_leaves_no_gap(pictures):
    found = evaluation.estimate(network(), pictures, 1, seed=0)

    torch.testing.assert_close(found.elbo, found.importance_weighted)


def test_samples_are_counted_exactly_when_they_do_not_fit_into_one_piece(pictures, monkeypatch):
    model, seen = network(), []
    whole = Autoencoder.log_likelihood
    monkeypatch.setattr(evaluation, "_DECODED_AT_ONCE", 36)

    def counted(self, images, posterior, noise):
        seen.append(len(noise))
        return whole(self, images, posterior, noise)

    monkeypatch.setattr(Autoencoder, "log_likelihood", counted)

    evaluation.estimate(model, pictures, 7, seed=0)

    assert seen == [3, 3, 1]


def test_a_posterior_fitted_to_each_image_has_a_higher_bound(pictures):
    model = network("learned-gaussian")
    list(fit.epochs(model, pictures, course(steps=60)))

    found = optimised_posterior.amortisation(model, pictures, seed=0, steps=150)
    idle = optimised_posterior.amortisation(model, pictures, seed=0, steps=0)

    assert found.gap > 0.05
    assert idle.gap == 0
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())


def test_pictures_are_bytes_of_the_same_size_and_samples_are_repeatable(pictures):
    model = network()

    drawn = evaluation.reconstructions(model, pictures)
    one, other = (evaluation.samples(model, 5, seed=3) for _ in range(2))

    assert drawn.shape == pictures.shape
    assert drawn.dtype == torch.uint8
    assert torch.equal(one, other)
    assert not torch.equal(one, evaluation.samples(model, 5, seed=4))


@pytest.mark.parametrize(
    ("size", "expected"),
    [(32, [4, 8, 16, 32]), (112, [7, 14, 28, 56, 112]), (8, [4, 8]), (30, [15, 30])],
)
def test_the_decoder_doubles_up_to_the_size(size, expected):
    assert sides(size) == expected
    assert Decoder(2, size)(torch.zeros(1, 2)).shape == (1, 3, size, size)


def test_a_side_that_cannot_be_halved_is_refused():
    with pytest.raises(UsageError, match="33 pixels"):
        sides(33)
