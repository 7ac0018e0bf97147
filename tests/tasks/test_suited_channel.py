"""Which channel a training gets where none is asked for."""

import pytest

from nachash import channel, plugins
from nachash.tasks.train.settings import ResolvedSettings, with_suited_channel


def suited(given, *, method="nac", freeze=False, bits=64):
    plugin = plugins.load("methods", method)
    decided = ResolvedSettings(
        backbone="small",
        weights="random",
        freeze=freeze,
        head="batch-norm",
        size=32,
        augment="cifar",
        view_strength=1.0,
        batch=128,
    )
    return with_suited_channel(given, plugin, decided, bits)


@pytest.mark.parametrize("method", ["nac", "nac-mean-field"])
@pytest.mark.parametrize("bits", [16, 32, 64, 128])
def test_a_whole_network_gets_noise_that_takes_the_channel_from_eight_bits_to_two(bits, method):
    given = suited({}, method=method, bits=bits)

    assert given.get("first_sampled") == (0.0 if method == "nac" else None)
    assert channel.capacity(bits, given["noise"]) == pytest.approx(2, abs=0.05)
    assert channel.capacity(bits, given["first_noise"]) == pytest.approx(8, rel=0.1)


@pytest.mark.parametrize("bits", [16, 32, 64, 128])
def test_a_head_on_frozen_features_gets_samples_and_noise_that_rises_further(bits):
    given = suited({}, freeze=True, bits=bits)

    assert given.keys() == {"noise", "first_noise"}
    assert channel.capacity(bits, given["noise"]) == pytest.approx(0.5, abs=0.05)
    assert channel.capacity(bits, given["first_noise"]) == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("given", [{"posterior": "network"}, {"first_noise": 0.2}])
def test_a_head_whose_noise_does_not_rise_by_itself_gets_it_at_two_bits(given):
    assert suited(given, freeze=True) == given | {"noise": 0.396}


def test_a_head_keeps_the_noise_that_is_asked_for():
    assert suited({"noise": 0.3}, freeze=True) == {"noise": 0.3}


def test_a_head_of_a_method_without_rising_noise_gets_it_at_two_bits():
    assert suited({}, method="nac-moco", freeze=True) == {"noise": 0.396}


@pytest.mark.parametrize(
    "given",
    [
        {"noise": 0.3},
        {"posterior": "network"},
        {"posterior": "both"},
        {"first_noise": 0.2},
    ],
)
def test_who_asks_for_a_channel_gets_no_other(given):
    assert suited(given) == given


def test_other_settings_stay_beside_the_suited_channel():
    asked = {"mixture": "all", "posterior": "channel"}

    assert suited(asked).items() > asked.items()
    assert suited({"first_sampled": 0.5})["first_sampled"] == 0.5


@pytest.mark.parametrize("method", ["simclr", "nac-moco"])
def test_methods_without_these_settings_get_none(method):
    assert suited({}, method=method) == {}
