"""What every training objective promises, over the folder of methods."""

import copy
import io
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from nachash import channel, plugins
from nachash.encoders.encoder import Head
from nachash.errors import UsageError
from nachash.methods import moco_v2, nac
from nachash.objective import Batch, Scale

BATCH = 16
IMAGES = 64
POSTERIORS = ["network", "code", "both"]


class Encoded(NamedTuple):
    features: Tensor
    activations: Tensor


class TinyEncoder(nn.Module):
    """Two layers on 8 x 8 pixels; no batch norm, whose statistics move in every forward."""

    features = 12
    bits = 10

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, self.features), nn.Tanh())
        self.head = nn.Linear(self.features, self.bits)

    def forward(self, images: Tensor) -> Encoded:
        features = self.backbone(images)
        return Encoded(features, self.head(features))

    @torch.no_grad()
    def project(self, weight: Tensor, bias: Tensor) -> None:
        self.head.weight.copy_(weight)
        self.head.bias.copy_(bias)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def built(name: str, **settings: Any) -> Any:
    torch.manual_seed(0)
    method = plugins.load("methods", name).method(TinyEncoder(), Scale(IMAGES, BATCH), **settings)
    for phase in method.phases:
        method.prepare(training_set, phase)
    return method


def training_set(seed: int = 0) -> Encoded:
    features = torch.randn(IMAGES, TinyEncoder.features, generator=seeded(seed))
    return Encoded(features, torch.randn(IMAGES, TinyEncoder.bits, generator=seeded(seed + 1)))


def batch(views: int, seed: int = 0, first: int = 0) -> Batch:
    """Noisy views of the images from `first` on, the same whatever the seed draws as noise."""
    positions = torch.arange(first, first + BATCH) % IMAGES
    images = torch.rand(IMAGES, 3, 8, 8, generator=seeded(99))[positions]
    noise = 0.05 * torch.randn(views, BATCH, 3, 8, 8, generator=seeded(seed))
    return Batch((images + noise).clamp(0, 1), positions, seeded(seed))


def losses_of(method: Any, steps: int) -> list[float]:
    optimiser = torch.optim.AdamW([w for w in method.parameters() if w.requires_grad], lr=5e-3)
    losses = []
    for step in range(steps):
        loss = method(batch(method.views, step, first=step * BATCH))
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
        method.after_step(loss)
        losses.append(loss.total.item())
    return losses


def trained_methods() -> list[str]:
    """Those that have weights to train; the others are fitted by `prepare`."""
    return [
        name
        for name in plugins.names("methods")
        if any(weight.requires_grad for weight in built(name).parameters())
    ]


every_method = pytest.mark.parametrize("name", plugins.names("methods"))
every_trained_method = pytest.mark.parametrize("name", trained_methods())


@every_method
def test_every_term_is_finite_and_only_the_total_carries_a_gradient(name: str) -> None:
    method = built(name)

    loss = method(batch(method.views))

    assert loss.total.requires_grad == (name in trained_methods())
    assert torch.isfinite(loss.total)
    assert all(torch.isfinite(part) and not part.requires_grad for part in loss.parts.values())
    assert loss.activations.shape == (method.views * BATCH, TinyEncoder.bits)
    assert not loss.activations.requires_grad


@every_trained_method
def test_the_gradient_reaches_every_weight_by_the_second_step(name: str) -> None:
    method = built(name)

    losses_of(method, steps=1)
    method.zero_grad()
    method(batch(method.views, seed=1)).total.backward()

    untouched = [
        weight
        for weight, tensor in method.named_parameters()
        if tensor.requires_grad and (tensor.grad is None or not tensor.grad.any())
    ]
    assert untouched == []


@every_trained_method
def test_twenty_steps_lower_the_loss(name: str) -> None:
    epoch = IMAGES // BATCH

    losses = losses_of(built(name), steps=6 * epoch)

    # Queues fill, and so lose nothing at first, in the first epoch.
    assert sum(losses[-epoch:]) < sum(losses[epoch : 2 * epoch])


@every_method
def test_a_forward_pass_moves_no_state(name: str) -> None:
    method = built(name)
    before = copy.deepcopy(method.state_dict())

    first = method(batch(method.views))
    second = method(batch(method.views))

    assert first.total.item() == second.total.item()
    after = method.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


@every_method
def test_state_survives_a_checkpoint(name: str) -> None:
    method, other = built(name), built(name)
    if name in trained_methods():
        losses_of(method, steps=3)
    else:
        method.prepare(lambda: training_set(seed=5), method.phases[-1])
    file = io.BytesIO()
    torch.save(method.state_dict(), file)
    file.seek(0)

    other.load_state_dict(torch.load(file, weights_only=True))

    expected = method(batch(method.views)).total.item()
    assert other(batch(method.views)).total.item() == expected


def test_the_methods_without_training_are_known() -> None:
    assert set(plugins.names("methods")) - set(trained_methods()) == {
        "itq",
        "lsh",
        "pca",
        "pca-rotated",
    }


@every_method
def test_a_head_alone_learns_from_features(name: str) -> None:
    plugin = plugins.load("methods", name)
    head = Head(TinyEncoder.features, TinyEncoder.bits, plugin.USUAL.head)
    method = plugin.method(head, Scale(IMAGES, BATCH))
    for phase in method.phases:
        method.prepare(training_set, phase)
    views = torch.randn(method.views, BATCH, TinyEncoder.features, generator=seeded(0))

    loss = method(Batch(views, torch.arange(BATCH), seeded(0)))
    method.after_step(loss)

    assert torch.isfinite(loss.total)
    assert loss.activations.shape == (method.views * BATCH, TinyEncoder.bits)


@pytest.mark.parametrize("posterior", POSTERIORS)
def test_nac_learns_with_every_posterior(posterior: str) -> None:
    losses = losses_of(built("nac", posterior=posterior, noise=0.2), steps=30)

    assert sum(losses[-5:]) < sum(losses[:5])


def test_nac_with_both_begins_with_the_posterior_of_the_code() -> None:
    both, code = built("nac", posterior="both"), built("nac", posterior="code")
    code.encoder.load_state_dict(both.encoder.state_dict())

    assert both(batch(2)).total.item() == pytest.approx(code(batch(2)).total.item())


def test_nac_divides_the_logits_of_the_published_network_by_the_root_of_the_bits() -> None:
    method = built("nac", posterior="network", noise=0.2)
    views = batch(2)
    encoded = method.encoder(views.views.flatten(0, 1))
    logits = method.inference(encoded.features) / TinyEncoder.bits**0.5

    expected = nac.nac_loss(
        encoded.activations.unflatten(0, (2, BATCH)),
        logits.unflatten(0, (2, BATCH)),
        flip_probability=0.2,
        generator=seeded(0),
    )

    assert method(views).total.item() == pytest.approx(expected.total.item())


def test_nac_reports_information_beside_the_capacity_of_its_channel() -> None:
    method = built("nac", noise=0.3)

    parts = method(batch(2)).parts

    assert parts["capacity_bits"].item() == pytest.approx(channel.capacity(10, 0.3))
    assert parts["mutual_information_bits"] <= parts["capacity_bits"]


@pytest.mark.parametrize(("share", "p"), [(0.0, 0.2), (0.35, 0.3), (0.7, 0.4), (0.9, 0.4)])
def test_nacs_noise_rises_in_a_straight_line_over_seven_tenths_of_a_run(
    share: float, p: float
) -> None:
    method = built("nac", noise=0.4, first_noise=0.2)

    parts = method(replace(batch(2), share=share)).parts

    assert parts["capacity_bits"].item() == pytest.approx(channel.capacity(10, p), rel=1e-5)
    assert method.settings["first_noise"] == 0.2


@pytest.mark.parametrize(("share", "tau"), [(0.0, 0.1), (0.35, 0.2), (0.7, 0.4), (0.9, 0.4)])
def test_simclrs_temperature_rises_by_equal_factors_over_seven_tenths_of_a_run(
    share: float, tau: float
) -> None:
    method, constant = (
        built("simclr", temperature=0.4, first_temperature=0.1),
        built("simclr", temperature=tau),
    )
    constant.load_state_dict(method.state_dict())

    losses = [one(replace(batch(2), share=share)).total.item() for one in (method, constant)]

    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert method.settings == {"temperature": 0.4, "first_temperature": 0.1}


def test_nac_settles_automatic_noise_by_bits_and_batch() -> None:
    method = built("nac")

    assert method.settings["noise"] == nac.balanced_flip_probability(10, 2 * BATCH)


@pytest.mark.parametrize("noise", [0.0, 0.5, -0.1, 1.0])
def test_nac_refuses_noise_that_no_channel_has(noise: float) -> None:
    with pytest.raises(UsageError, match="it must lie between 0"):
        built("nac", noise=noise)


def test_nac_leaves_a_code_out_of_its_own_mixture_only_where_that_is_a_bound() -> None:
    assert built("nac").settings["mixture"] == "others"
    assert built("nac", posterior="network").settings["mixture"] == "all"
    with pytest.raises(UsageError, match="bounds nothing"):
        built("nac", posterior="network", mixture="others")


@pytest.mark.parametrize(("share", "same"), [(0.3, False), (0.6, False), (0.85, True), (1.0, True)])
def test_nac_that_draws_late_draws_the_whole_noise_at_the_end(share: float, same: bool) -> None:
    late, sampled = built("nac", noise=0.4, first_sampled=0.0), built("nac", noise=0.4)
    late.load_state_dict(sampled.state_dict())

    losses = [one(replace(batch(2), share=share)).total.item() for one in (late, sampled)]

    assert (losses[0] == losses[1]) is same


def test_nac_that_draws_late_is_mean_field_for_half_of_a_run() -> None:
    late, mean_field = (
        built("nac", noise=0.4, first_sampled=0.0),
        built("nac-mean-field", noise=0.4),
    )
    mean_field.load_state_dict(late.state_dict())

    losses = [one(replace(batch(2), share=0.5)).total.item() for one in (late, mean_field)]

    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


@pytest.mark.parametrize("name", ["nac", "nac-mean-field"])
def test_nac_reports_information_with_noise(name: str) -> None:
    parts = built(name, noise=0.4)(batch(2)).parts

    assert parts["mutual_information_bits"] <= parts["capacity_bits"]
    assert (
        parts["mutual_information_bits"] < built(name, noise=0.1)(batch(2)).parts["capacity_bits"]
    )


def test_nac_refuses_a_posterior_that_it_does_not_know() -> None:
    with pytest.raises(UsageError, match="'prior' is not a posterior") as caught:
        built("nac", posterior="prior")

    assert caught.value.hint == "one of channel, network, code, both"


def test_insdis_estimates_its_normaliser_once_and_keeps_it() -> None:
    method = built("insdis", negatives=12)
    first = method(batch(1))
    assert method.log_z.isneginf()

    losses_of(method, steps=4)

    assert method.log_z.item() == first.parts["log_normaliser"].item()
    assert method(batch(1, seed=3)).parts["log_normaliser"] == method.log_z


def test_moco_compares_with_the_keys_of_earlier_steps_alone() -> None:
    method = built("moco-v2", queue=40)

    counts = []
    for step in range(3):
        loss = method(batch(2, step, first=step * BATCH))
        counts.append(loss.parts["negatives"].item())
        method.after_step(loss)

    assert counts == [0.0, 2.0 * BATCH, 40.0]


def test_moco_with_one_direction_looks_with_the_first_view_for_the_second() -> None:
    method = built("moco-v2", symmetric=False)
    losses_of(method, steps=2)
    views = batch(2, seed=5)
    queue = method.queue.filled().clone()

    loss = method(views)

    queries = method.encoder(views.views[0]).activations
    keys = method.keys.network(views.views[1]).activations
    expected = moco_v2.moco_loss(queries, keys, queue, 0.2)
    assert loss.total.item() == pytest.approx(expected.item())


def test_nac_with_momentum_settles_automatic_noise_by_all_codes_of_its_mixture() -> None:
    method = built("nac-moco", queue=100)

    assert method.settings["noise"] == nac.balanced_flip_probability(10, 2 * BATCH + 100)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("simclr", {"first_temperature": 0.0}, "a temperature of 0 is not positive"),
        ("moco-v2", {"temperature": 0.0}, "a temperature of 0 is not positive"),
        ("moco-v2", {"momentum": 1.0}, "a momentum of 1 does not lie"),
        ("moco-v2", {"queue": -1}, "a queue of -1 keys holds none"),
        ("nac", {"first_sampled": 1.5}, "1.5 is no share of the noise"),
        ("nac-mean-field", {"mixture": "none"}, "'none' is not a mixture"),
        ("nac-mean-field", {"noise": 0.5}, "it must lie between 0"),
        ("cibhash", {"temperature": 0.0}, "a temperature of 0 must be positive"),
        ("bi-half", {"gamma": -1.0}, "a gamma of -1 pushes codes away"),
        ("nac-moco", {"l2": -0.1}, "a weight of -0.1 would reward long codewords"),
        ("nac-moco", {"posterior": "code"}, "'code' is not a posterior of NAC with momentum"),
        ("nac-moco", {"noise": 0.5}, "it must lie between 0"),
        ("insdis", {"temperature": -1.0}, "a temperature of -1 is not positive"),
        ("insdis", {"negatives": -1}, "there cannot be -1 negatives"),
        ("insdis", {"momentum": 2.0}, "a momentum of 2 does not lie"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        built(name, **settings)


@pytest.mark.parametrize("name", ["moco-v2", "nac-moco"])
def test_what_is_saved_for_inference_holds_no_momentum_encoder(name: str) -> None:
    method = built(name)

    assert set(method.encoder.state_dict()) == set(TinyEncoder().state_dict())
    assert any("network" in key for key in method.state_dict())
