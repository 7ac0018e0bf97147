"""The NAC loss against its definition, written with explicit sums over bits and codewords."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nachash import channel
from nachash.methods.nac import NACLoss, balanced_flip_probability, nac_loss

Rows = Sequence[Sequence[float]]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bit_probability(received: float, sent: float, p: float) -> float:
    """P(c~_d | c_d) of one bit, continued to relaxed values between -1 and +1."""
    return (1 - p) ** ((1 + received * sent) / 2) * p ** ((1 - received * sent) / 2)


def slow_bound(codewords: Rows, noisy: Rows, logits: Rows, p: float) -> float:
    """Mean of log Q(c~ | x) - log (1 / n) sum_k P(c~ | c_k), in nats, from the definitions."""
    total = 0.0
    for received, row in zip(noisy, logits, strict=True):
        log_posterior = 0.0
        for value, logit in zip(received, row, strict=True):
            on = 1 / (1 + math.exp(-logit))
            log_posterior += math.log(on ** ((1 + value) / 2) * (1 - on) ** ((1 - value) / 2))
        mixture = 0.0
        for sent in codewords:
            product = 1.0
            for value, other in zip(received, sent, strict=True):
                product *= bit_probability(value, other, p)
            mixture += product / len(codewords)
        total += log_posterior - math.log(mixture)
    return total / len(noisy)


def slow_loss(activations: Tensor, logits: Tensor, flips: Tensor, p: float) -> float:
    """Minus the bound on relaxed codewords; each view is explained by the next view's logits."""
    views, batch, _ = activations.shape
    places = list(itertools.product(range(views), range(batch)))
    relaxed = [[math.tanh(a) for a in activations[v, i].tolist()] for v, i in places]
    noisy = [
        [z * flip for z, flip in zip(row, signs, strict=True)]
        for row, signs in zip(relaxed, flips.tolist(), strict=True)
    ]
    predicted = [logits[(v + 1) % views, i].tolist() for v, i in places]
    return -slow_bound(relaxed, noisy, predicted, p)


def flips_of(shape: tuple[int, ...], p: float, generator: torch.Generator) -> Tensor:
    """The signs by which the channel multiplies codewords, -1 where a bit is flipped."""
    views, batch, bits = shape
    return channel.transmit(torch.ones(views * batch, bits), p, generator)


def drawn(views: int, batch: int, bits: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = seeded(seed)
    shape = (2, views, batch, bits)
    activations, logits = 2 * torch.randn(shape, generator=generator, dtype=torch.float64)
    return activations, logits


CASES = [(2, 1, 1), (2, 3, 4), (2, 5, 16), (3, 4, 7), (2, 2, 33)]


@pytest.mark.parametrize("p", [0.01, 0.1, 0.34, 0.49])
@pytest.mark.parametrize(("views", "batch", "bits"), CASES)
def test_the_loss_is_the_sum_over_bits_and_codewords(
    views: int, batch: int, bits: int, p: float
) -> None:
    activations, logits = drawn(views, batch, bits, seed=bits)
    flips = flips_of((views, batch, bits), p, seeded(7))

    loss = nac_loss(activations, logits, flip_probability=p, generator=seeded(7))

    assert loss.total.item() == pytest.approx(slow_loss(activations, logits, flips, p), rel=1e-12)
    assert loss.total.item() == pytest.approx((loss.inference + loss.mixture).item(), rel=1e-12)


@pytest.mark.parametrize("p", [0.1, 0.4])
@pytest.mark.parametrize(("views", "batch", "bits"), [(2, 2, 3), (3, 2, 2), (2, 3, 5)])
def test_gradients_are_the_differences_of_the_definition(
    views: int, batch: int, bits: int, p: float
) -> None:
    inputs = [part.requires_grad_() for part in drawn(views, batch, bits, seed=batch)]
    flips = flips_of((views, batch, bits), p, seeded(3))
    nac_loss(*inputs, flip_probability=p, generator=seeded(3)).total.backward()

    for part in inputs:
        assert part.grad is not None
        slopes = [slope(inputs, part, place, flips, p) for place in np.ndindex(*part.shape)]
        np.testing.assert_allclose(part.grad.flatten(), slopes, rtol=1e-6, atol=1e-8)


def slope(
    inputs: list[Tensor], part: Tensor, place: tuple[int, ...], flips: Tensor, p: float
) -> float:
    """Central difference of the slow loss in one number of one input."""
    step = 1e-5
    values = []
    with torch.no_grad():
        for change in (step, -2 * step):
            part[place] += change
            values.append(slow_loss(inputs[0], inputs[1], flips, p))
        part[place] += step
    return (values[0] - values[1]) / (2 * step)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.45])
def test_the_information_is_the_bound_on_hard_codewords_in_bits(p: float) -> None:
    activations, logits = drawn(2, 4, 5, seed=1)
    generator = seeded(2)
    flips_of((2, 4, 5), p, generator)
    flips = flips_of((2, 4, 5), p, generator)
    hard = torch.where(activations > 0, 1.0, -1.0).flatten(0, 1)

    information = nac_loss(
        activations, logits, flip_probability=p, generator=seeded(2)
    ).mutual_information.item()

    bound = slow_bound(
        hard.tolist(), (hard * flips).tolist(), logits.flip(0).flatten(0, 1).tolist(), p
    )
    most = min(channel.capacity(5, p), math.log2(8))
    assert information == pytest.approx(min(bound / math.log(2), most), rel=1e-10)


@pytest.mark.parametrize("sampled", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("p", [0.05, 0.4])
@pytest.mark.parametrize(("views", "batch", "bits"), CASES)
def test_without_logits_the_channel_itself_explains_a_code_by_the_next_view(
    views: int, batch: int, bits: int, p: float, own: bool, sampled: float
) -> None:
    activations, _ = drawn(views, batch, bits, seed=bits)
    size = (1 - 2 * p) / (1 - 2 * sampled * p)
    flips = flips_of((views, batch, bits), sampled * p, seeded(7)).double()
    factors = (size * flips).tolist()
    places = list(itertools.product(range(views), range(batch)))
    relaxed = [[math.tanh(a) for a in activations[v, i].tolist()] for v, i in places]
    total = 0.0
    for (v, i), row, signs in zip(places, relaxed, factors, strict=True):
        noisy = [z * factor for z, factor in zip(row, signs, strict=True)]
        likelihood = [
            math.prod(bit_probability(*pair, p) for pair in zip(noisy, sent, strict=True))
            for sent in relaxed
        ]
        other = places.index(((v + 1) % views, i))
        mixed = [one for place, one in enumerate(likelihood) if own or places[place] != (v, i)]
        total -= math.log(likelihood[other] / (sum(mixed) / len(mixed)))

    loss = nac_loss(
        activations, None, flip_probability=p, generator=seeded(7), own=own, sampled=sampled
    )

    assert loss.total.item() == pytest.approx(total / len(places), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("sampled", [1.0, 0.5])
def test_what_is_drawn_has_the_mean_of_the_channel_and_only_the_mixture_suffers(
    sampled: float,
) -> None:
    activations, logits = drawn(2, 3, 6, seed=4)
    generator = seeded(5)

    def loss(share: float) -> NACLoss:
        return nac_loss(
            activations, logits, flip_probability=0.3, generator=generator, sampled=share
        )

    samples = [loss(sampled) for _ in range(2000)]
    mean = loss(0.0)

    inference = [one.inference.item() for one in samples]
    error = np.std(inference) / math.sqrt(len(inference))
    assert mean.inference.item() == pytest.approx(np.mean(inference), abs=5 * error)
    assert error < 0.1
    assert mean.mixture.item() < np.mean([one.mixture.item() for one in samples])


def test_with_hard_codes_the_channel_is_the_posterior_of_their_log_odds() -> None:
    p = 0.3
    activations = 40 * torch.randn(2, 5, 12, dtype=torch.float64, generator=seeded(1)).sign()

    own = nac_loss(activations, None, flip_probability=p, generator=seeded(0))
    given_logits = nac_loss(
        activations,
        channel.log_odds(p) * activations.sign(),
        flip_probability=p,
        generator=seeded(0),
    )

    assert own.total.item() == pytest.approx(given_logits.total.item(), rel=1e-12)
    assert own.mutual_information >= given_logits.mutual_information


@pytest.mark.parametrize("p", [0.1, 0.3, 0.45])
def test_without_logits_the_information_is_that_of_the_channel_that_explains_best(
    p: float,
) -> None:
    activations, _ = drawn(2, 4, 5, seed=1)
    generator = seeded(2)
    flips_of((2, 4, 5), p, generator)
    flips = flips_of((2, 4, 5), p, generator)
    hard = torch.where(activations > 0, 1.0, -1.0).flatten(0, 1)
    noisy, explained = (hard * flips).tolist(), hard.roll(4, dims=0).tolist()

    def bound(q: float) -> float:
        return slow_bound(
            hard.tolist(),
            noisy,
            [[channel.log_odds(q) * bit for bit in row] for row in explained],
            p,
        )

    best = max(bound(q) for q in np.linspace(0.001, 0.999, 999))
    information = nac_loss(
        activations, None, flip_probability=p, generator=seeded(2)
    ).mutual_information.item()

    most = min(channel.capacity(5, p), math.log2(8))
    assert information == pytest.approx(min(best / math.log(2), most), abs=1e-4)


@settings(deadline=None, max_examples=60)
@given(
    batch=st.integers(1, 12),
    bits=st.integers(1, 40),
    p=st.floats(0.01, 0.49),
    scale=st.floats(0, 30),
    seed=st.integers(0, 1000),
)
def test_the_information_never_exceeds_capacity_and_number_of_codes(
    batch: int, bits: int, p: float, scale: float, seed: int
) -> None:
    activations = torch.randn(2, batch, bits, generator=seeded(seed)).mul(5)
    logits = scale * activations.flip(0)

    loss = nac_loss(activations, logits, flip_probability=p, generator=seeded(seed))

    most = min(channel.capacity(bits, p), math.log2(2 * batch))
    assert loss.mutual_information.item() <= most * (1 + 1e-6)


def test_with_the_true_posterior_the_mean_loss_is_the_mutual_information() -> None:
    """Eight random codewords of six bits: I(C; C~) by enumeration of all 64 noisy words."""
    p, bits, codes = 0.2, 6, 8
    codewords = torch.where(torch.rand(codes, bits, generator=seeded(0)) > 0.5, 1.0, -1.0)
    activations = 20 * codewords.double().expand(2, codes, bits)
    logits = channel.log_odds(p) * codewords.double().expand(2, codes, bits)
    words = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=bits)))
    likelihood = channel.log_likelihood(words, codewords, p).exp().double()
    marginal = likelihood.mean(dim=1, keepdim=True)
    truth = (likelihood * (likelihood / marginal).log()).sum(dim=0).mean().item()

    generator = seeded(1)
    losses = [
        nac_loss(activations, logits, flip_probability=p, generator=generator).total.item()
        for _ in range(800)
    ]

    error = np.std(losses) / math.sqrt(len(losses))
    assert -np.mean(losses) == pytest.approx(truth, abs=5 * error)
    assert error < 0.02


@pytest.mark.parametrize("number", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("magnitude", [0.0, 1e4, -1e4])
@pytest.mark.parametrize("p", [0.001, 0.1, 0.499])
def test_extreme_activations_and_logits_stay_finite(
    number: torch.dtype, magnitude: float, p: float
) -> None:
    signs = torch.randn(2, 8, 64, generator=seeded(0)).sign().to(number)
    activations = (signs * magnitude).requires_grad_()
    logits = (signs.roll(1, dims=1) * magnitude).requires_grad_()

    loss = nac_loss(activations, logits, flip_probability=p, generator=seeded(0))
    loss.total.backward()

    assert all(torch.isfinite(term) for term in loss)
    for part in (activations, logits):
        assert part.grad is not None
        assert torch.isfinite(part.grad).all()


def test_autocast_changes_nothing_in_the_loss() -> None:
    activations, logits = (part.float() for part in drawn(2, 16, 32, seed=5))

    plain = nac_loss(activations, logits, flip_probability=0.3, generator=seeded(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = nac_loss(activations, logits, flip_probability=0.3, generator=seeded(0))

    assert [term.item() for term in plain] == [term.item() for term in cast]
    assert cast.total.dtype == torch.float32


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), views=st.integers(2, 3), batch=st.integers(2, 6))
def test_the_order_of_bits_does_not_matter(seed: int, views: int, batch: int) -> None:
    activations, logits = drawn(views, batch, 8, seed)
    order = torch.randperm(8, generator=seeded(seed))
    p = 1e-12  # no flip is drawn, so that both orders see the same noise

    straight = nac_loss(activations, logits, flip_probability=p, generator=seeded(0))
    shuffled = nac_loss(
        activations[..., order], logits[..., order], flip_probability=p, generator=seeded(0)
    )

    assert straight.total.item() == pytest.approx(shuffled.total.item(), rel=1e-9)


def test_balanced_noise_follows_its_formula_between_its_bounds() -> None:
    """(1 - sqrt(log(2000) / 128)) / 2 = 0.378; with 16 bits and 2000 codes 0.155; 8 bits: 0.1."""
    assert balanced_flip_probability(128, 2000) == pytest.approx(0.3782, abs=1e-4)
    assert balanced_flip_probability(16, 2000) == pytest.approx(0.1554, abs=1e-4)
    assert balanced_flip_probability(8, 2000) == 0.1
    assert balanced_flip_probability(4096, 4) == 0.45
