"""The channel is a distribution, loses what theory says, and repeats its noise."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nachash import channel
from nachash.errors import UsageError

every_probability = pytest.mark.parametrize("p", [1e-6, 0.01, 0.1, 0.3, 0.45, 0.499])


def all_words(bits):
    return torch.tensor(list(itertools.product([-1.0, 1.0], repeat=bits)), dtype=torch.float64)


@every_probability
@pytest.mark.parametrize("bits", range(1, 9))
def test_the_likelihood_of_all_words_sums_to_one(bits, p):
    words = all_words(bits)

    total = channel.log_likelihood(words, words, p).exp().sum(dim=0)

    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)


@every_probability
@pytest.mark.parametrize("bits", [1, 3, 5])
def test_the_likelihood_is_the_product_over_bits(bits, p):
    words = all_words(bits)

    found = channel.log_likelihood(words, words, p).exp()

    for row, noisy in enumerate(words.tolist()):
        for column, sent in enumerate(words.tolist()):
            factors = [p if a != b else 1 - p for a, b in zip(noisy, sent, strict=True)]
            assert float(found[row, column]) == pytest.approx(math.prod(factors), rel=1e-9)


@every_probability
@pytest.mark.parametrize("bits", [1, 2, 6])
def test_the_capacity_is_the_information_of_uniform_words(bits, p):
    """Mutual information, in bits, of all words sent equally often: sums over all pairs."""
    words = all_words(bits)
    conditional = channel.log_likelihood(words, words, p)
    marginal = torch.logsumexp(conditional, dim=1, keepdim=True) - bits * math.log(2)

    information = (conditional.exp() * (conditional - marginal)).sum() / len(words) / math.log(2)

    assert float(information) == pytest.approx(channel.capacity(bits, p), abs=1e-9)


def test_the_capacity_falls_from_one_bit_to_none():
    capacities = [channel.capacity(128, p) for p in (1e-9, 0.1, 0.2, 0.3, 0.4, 0.499999)]

    assert capacities == sorted(capacities, reverse=True)
    assert capacities[0] == pytest.approx(128, abs=1e-4)
    assert capacities[-1] == pytest.approx(0, abs=1e-6)


@settings(deadline=None, max_examples=50)
@given(p=st.floats(1e-6, 0.4999))
def test_the_log_odds_are_those_of_a_bit_that_arrives(p):
    assert channel.log_odds(p) == pytest.approx(math.log((1 - p) / p), rel=1e-9)


@pytest.mark.parametrize("p", [0.05, 0.3, 0.45])
def test_the_channel_flips_as_many_bits_as_it_says(p):
    """400,000 bits, within five standard errors; both symbols alike."""
    sent = torch.ones(1000, 400)
    sent[::2] = -1

    received = channel.transmit(sent, p, torch.Generator().manual_seed(1))

    assert set(received.unique().tolist()) == {-1.0, 1.0}
    for rows in (slice(0, None, 2), slice(1, None, 2)):
        rate = float((received[rows] != sent[rows]).double().mean())
        assert rate == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / 200_000))


def test_the_generator_decides_the_noise():
    sent = torch.ones(20, 64)

    one = channel.transmit(sent, 0.3, torch.Generator().manual_seed(7))
    again = channel.transmit(sent, 0.3, torch.Generator().manual_seed(7))
    other = channel.transmit(sent, 0.3, torch.Generator().manual_seed(8))

    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_relaxed_codewords_keep_their_size_and_their_gradient():
    activations = torch.linspace(-2, 2, 50, requires_grad=True)
    relaxed = torch.tanh(activations).reshape(5, 10)

    received = channel.transmit(relaxed, 0.4, torch.Generator().manual_seed(2))
    received.sum().backward()

    assert torch.equal(received.abs(), relaxed.abs())
    signs = (received / relaxed).detach().flatten()
    expected = signs * (1 - torch.tanh(activations.detach()) ** 2)
    torch.testing.assert_close(activations.grad, expected)


@pytest.mark.parametrize("p", [-0.1, 0.0, 0.5, 0.7, 1.0, math.nan, math.inf])
def test_probabilities_that_no_channel_has_are_usage_errors(p):
    with pytest.raises(UsageError, match=r"between 0 and 0\.5"):
        channel.checked_flip_probability(p)


def test_a_possible_probability_is_returned():
    assert channel.checked_flip_probability(0.3) == 0.3


@pytest.mark.parametrize("bits", [16, 32, 64, 128])
def test_the_noise_of_a_capacity_is_its_inverse(bits):
    p = channel.flip_probability_of(bits, 2.0)

    assert channel.capacity(bits, p) == pytest.approx(2.0, abs=1e-6)


def test_the_noise_of_an_impossible_capacity_is_the_nearest_usual_one():
    assert channel.flip_probability_of(2, 2.0) == pytest.approx(0.1)
    assert channel.flip_probability_of(8192, 2.0) == pytest.approx(0.48)


@pytest.mark.parametrize("sampled", [0.0, 0.3, 1.0])
def test_the_mean_of_what_is_received_is_that_of_the_whole_noise(sampled: float) -> None:
    sent = torch.full((200_000,), 0.8, dtype=torch.float64)

    received = channel.receive(sent, 0.4, torch.Generator().manual_seed(1), sampled)

    assert received.mean().item() == pytest.approx(0.2 * 0.8, abs=0.01)
    flipped = (received < 0).double().mean().item()
    assert flipped == pytest.approx(sampled * 0.4, abs=0.01)
    assert received.abs().unique().shape == (1,)


def test_with_the_whole_noise_drawn_it_is_transmission() -> None:
    sent = torch.randn(100, 8, generator=torch.Generator().manual_seed(0))

    received, transmitted = (
        send(sent, 0.3, torch.Generator().manual_seed(2))
        for send in (channel.receive, channel.transmit)
    )

    assert torch.equal(received, transmitted)
