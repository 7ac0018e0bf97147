"""The training loop with a method of one layer, whose every step can be followed."""

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nachash.errors import IncompatibleError, InterruptedRunError, TrainingError
from nachash.objective import Batch, Loss
from nachash.training.arithmetic import autocast, autocast_type
from nachash.training.loop import Stage, Step, Trained, train
from nachash.training.metrics_log import MetricsLog
from nachash.training.plan import Plan, fitted, rate_factor
from nachash.training.randomness import epoch_order, step_generator
from nachash.training.step_metrics import bit_balance, pair_distance
from nachash.training.views import CachedViews, PixelViews

CPU = torch.device("cpu")


class Encoded(NamedTuple):
    features: Tensor
    activations: Tensor


class OneLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 16, 6)

    def forward(self, images: Tensor) -> Encoded:
        activations = self.layer(images.flatten(1))
        return Encoded(activations, activations)


class Agreement(nn.Module):
    """Pulls the activations of two views together and away from zero; notes what it is told."""

    views = 2

    def __init__(self, phases: tuple[str, ...] = ("train",), broken_from: int = 10**9) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.phases = phases
        self.encoder = OneLayer()
        self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)
        self.register_buffer("steps", torch.tensor(0))
        self.broken_from = broken_from
        self.prepared: list[tuple[str, torch.Size]] = []
        self.positions: list[list[int]] = []

    def prepare(self, encode: Callable[[], Encoded], phase: str) -> None:
        self.prepared.append((phase, encode().features.shape))

    def forward(self, batch: Batch) -> Loss:
        self.positions.append(batch.positions.tolist())
        first, second = (self.encoder(view).activations for view in batch.views)
        total = (first - second).square().mean() + (1 - first.abs()).square().mean()
        if len(self.positions) >= self.broken_from:
            total = total * math.nan
        both = torch.cat((first, second)).detach()
        return Loss(total, {"part": total.detach()}, both)

    def after_step(self, loss: Loss) -> None:
        self.steps += 1


def noisy(images: Tensor, generator: torch.Generator) -> Tensor:
    return images.float() / 255 + 0.05 * torch.randn(images.shape, generator=generator)


def stage(count: int = 20) -> Stage:
    generator = torch.Generator().manual_seed(4)
    images = torch.randint(0, 256, (count, 3, 4, 4), dtype=torch.uint8, generator=generator)
    return Stage(
        PixelViews(images, noisy, CPU),
        lambda: Encoded(torch.zeros(count, 6), torch.zeros(count, 6)),
        Batch,
        CPU,
    )


def plan(**changes: Any) -> Plan:
    return Plan(**{"images": 20, "batch": 6, "epochs": 4, "learning_rate": 0.01, **changes})


def run(method: Agreement, **changes: Any) -> tuple[Trained, list[Step]]:
    steps: list[Step] = []
    return train(method, stage(), plan(**changes), steps.append), steps


def test_every_epoch_shows_each_image_at_most_once_in_full_batches() -> None:
    method = Agreement()

    trained, steps = run(method)

    assert trained.steps == len(steps) == method.steps == 4 * 3
    for epoch in range(4):
        seen = method.positions[3 * epoch : 3 * epoch + 3]
        assert [len(positions) for positions in seen] == [6, 6, 6]
        assert len({position for positions in seen for position in positions}) == 18
    assert method.positions[:3] != method.positions[3:6]


def test_every_step_is_reported_with_all_its_figures() -> None:
    trained, steps = run(Agreement())

    assert [(step.number, step.steps) for step in steps] == [(n, 12) for n in range(1, 13)]
    for step in steps:
        assert step.figures.keys() == {
            "loss", "part", "bit_balance", "pair_distance", "views_per_second",
        }  # fmt: skip
        assert all(math.isfinite(figure) for figure in step.figures.values())
    mean = np.mean([step.figures["loss"] for step in steps])
    assert trained.figures["loss"] == pytest.approx(mean)


def test_training_lowers_the_loss_and_leaves_frozen_weights_alone() -> None:
    method = Agreement()

    _, steps = run(method, epochs=30)

    assert steps[-1].figures["loss"] < 0.5 * steps[0].figures["loss"]
    assert method.frozen.tolist() == [1, 1]


def test_the_seed_decides_everything() -> None:
    weights = []
    for seed in (1, 1, 2):
        method = Agreement()
        torch.manual_seed(len(weights))
        run(method, seed=seed)
        weights.append(method.encoder.layer.weight.detach().clone())

    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_phases_follow_one_another_with_features_of_all_images_before_each() -> None:
    method = Agreement(phases=("first", "second"))

    run(method)

    assert method.prepared == [("first", (20, 6)), ("second", (20, 6))]
    assert len(method.positions) == 12


def test_a_loss_that_is_no_number_ends_training_before_it_harms_the_weights() -> None:
    method = Agreement(broken_from=5)

    with pytest.raises(TrainingError, match="step 5 is nan") as caught:
        run(method)

    assert "--learning-rate 0.001" in caught.value.hint
    assert all(torch.isfinite(weight).all() for weight in method.parameters())


def test_the_checkpoint_is_read_without_running_code() -> None:
    method = Agreement()
    trained, _ = run(method)
    file = io.BytesIO()
    torch.save(trained.checkpoint, file)
    file.seek(0)

    state = torch.load(file, weights_only=True)

    assert state["step"] == 12
    other = Agreement()
    other.load_state_dict(state["method"])
    assert torch.equal(other.encoder.layer.weight, method.encoder.layer.weight)
    assert other.steps == 12
    assert state["optimiser"]["state"]


def test_autocast_is_bfloat16_or_nothing() -> None:
    with autocast(CPU):
        product = nn.Linear(4, 4)(torch.rand(2, 4))

    assert product.dtype == (autocast_type(CPU) or torch.float32)


def test_balance_is_one_for_even_bits_and_zero_for_constant_ones() -> None:
    activations = torch.tensor([[1.0, 1.0, 1.0], [-1.0, 1.0, 1.0], [1.0, 0.5, 1.0], [-1.0, 0, 1]])

    assert bit_balance(activations[:, :1]) == 1
    assert bit_balance(activations[:, 1:2]) == 0.5
    assert bit_balance(activations[:, 2:]) == 0
    assert bit_balance(activations) == pytest.approx(0.5)


@given(share=st.floats(0, 1), warmup=st.floats(0, 0.5))
@settings(deadline=None, max_examples=100)
def test_the_rate_rises_to_its_highest_and_falls(share: float, warmup: float) -> None:
    factor = rate_factor(share, warmup)

    later = rate_factor(min(share + 0.01, 1.0), warmup)
    assert 0 <= factor <= 1
    assert rate_factor(warmup, warmup) == 1
    if share + 0.01 < warmup:
        assert factor < later
    if share >= warmup:
        assert later <= factor


def test_every_step_moves_weights_even_when_there_is_only_one() -> None:
    method = Agreement()
    before = method.encoder.layer.weight.detach().clone()

    run(method, epochs=1, batch=20)

    assert not torch.equal(before, method.encoder.layer.weight)


def test_pair_distance_is_the_mean_over_all_pairs() -> None:
    activations = torch.randn(9, 6, generator=torch.Generator().manual_seed(3))
    bits = (activations > 0).tolist()

    pairs = [(first, second) for first in range(9) for second in range(first)]
    different = [sum(a != b for a, b in zip(bits[i], bits[j], strict=True)) for i, j in pairs]
    assert pair_distance(activations) == pytest.approx(np.mean(different) / 6)


class Stops:
    """Keeps every `every`-th state, as a checkpoint on disk would, and ends a run after `last`."""

    def __init__(self, every: int, last: int) -> None:
        self.every, self.last = every, last
        self.kept: list[bytes] = []
        self.step = 0

    def due(self, step: int, seconds: float) -> bool:
        self.step = step
        return step % self.every == 0

    def keep(self, state: Any) -> None:
        file = io.BytesIO()
        torch.save(state, file)
        self.kept.append(file.getvalue())
        self.step = state["step"]

    def interrupted(self) -> bool:
        self.step += 1
        return self.step >= self.last


@pytest.mark.parametrize("last", [1, 2, 5, 7, 11])
@pytest.mark.parametrize("phases", [("train",), ("first", "second")])
def test_an_interrupted_run_comes_to_the_same_weights(last: int, phases: tuple[str, ...]) -> None:
    whole = Agreement(phases)
    expected, _ = run(whole)
    keeper = Stops(every=100, last=last)
    with pytest.raises(InterruptedRunError, match=f"after step {last}"):
        train(Agreement(phases), stage(), plan(), lambda _: None, keeper=keeper)
    state = torch.load(io.BytesIO(keeper.kept[-1]), weights_only=True)
    torch.manual_seed(99)
    torch.rand(7)

    again = Agreement(phases)
    resumed = train(again, stage(), plan(), lambda _: None, state=state)

    assert resumed.steps == expected.steps == 12
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    for first, second in zip(
        expected.checkpoint["optimiser"]["state"].values(),
        resumed.checkpoint["optimiser"]["state"].values(),
        strict=True,
    ):
        assert all(torch.equal(first[name], second[name]) for name in first)
    assert resumed.figures["loss"] == expected.figures["loss"]


def test_a_state_of_another_method_is_refused() -> None:
    trained, _ = run(Agreement())
    state = trained.checkpoint | {"method": {"layer.weight": torch.zeros(2)}}

    with pytest.raises(IncompatibleError, match="another method"):
        train(Agreement(), stage(), plan(), lambda _: None, state=state)


def test_a_budget_ends_the_run_with_the_rate_near_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(np.arange(0.0, 100.0, 0.5))
    monkeypatch.setattr("nachash.training.loop.time.perf_counter", lambda: next(clock))
    rates: list[float] = []
    monkeypatch.setattr(
        torch.optim.AdamW, "step", lambda self: rates.append(self.param_groups[0]["lr"])
    )

    trained, steps = run(Agreement(phases=("a", "b")), epochs=None, budget=10.0)

    assert trained.steps == 20
    assert steps[-1].steps == 20
    assert rates[9] < 0.02 * 0.01
    assert rates[-1] < 0.02 * 0.01
    assert max(rates) > 0.95 * 0.01


def test_a_budget_shorter_than_a_step_is_told() -> None:
    with pytest.raises(TrainingError, match="longer than the budget"):
        run(Agreement(), epochs=None, budget=1e-9)


def test_cached_views_are_different_ones_of_the_same_image() -> None:
    features = torch.arange(5)[:, None, None] + 10 * torch.arange(7)[None, :, None]
    views = CachedViews(torch.full((7, 1), 1000.0), features.half(), 1.0, CPU)
    generator = torch.Generator().manual_seed(0)
    positions = torch.tensor([6, 0, 3])

    drawn = torch.stack([views(positions, 2, generator) for _ in range(200)])

    assert drawn.dtype == torch.float32
    assert torch.equal(drawn // 10, (positions[:, None]).expand(200, 2, 3, 1).float())
    numbers = drawn % 10
    assert (numbers[:, 0] != numbers[:, 1]).all()
    assert {(int(a), int(b)) for a, b in numbers[:, :, 1, 0].tolist()} == {
        (a, b) for a in range(5) for b in range(5) if a != b
    }


def test_weaker_cached_views_lie_between_the_image_and_its_views() -> None:
    random = torch.Generator().manual_seed(1)
    own, features = torch.randn(7, 4, generator=random), torch.randn(5, 7, 4, generator=random)
    positions = torch.tensor([6, 0, 3])

    def drawn(strength: float) -> torch.Tensor:
        views = CachedViews(own, features, strength, CPU)
        return views(positions, 2, torch.Generator().manual_seed(0))

    expected = 0.3 * own[positions] + 0.7 * drawn(1.0)
    torch.testing.assert_close(drawn(0.7), expected)


@pytest.mark.parametrize("images", [0, 1])
def test_fewer_than_two_images_cannot_be_trained_on(images: int) -> None:
    with pytest.raises(TrainingError, match=f"{images} image"):
        fitted(images=images, batch=128, epochs=None, learning_rate=None, seed=0)


def test_a_plan_fits_itself_to_the_number_of_images() -> None:
    few = fitted(images=5, batch=128, epochs=3, learning_rate=0.1, seed=0)
    digits = fitted(images=1297, batch=128, epochs=None, learning_rate=None, seed=0)
    many = fitted(images=10**6, batch=128, epochs=None, learning_rate=None, seed=0)
    large = fitted(images=1000, batch=512, epochs=1, learning_rate=None, seed=0)

    assert (few.batch, few.steps_per_epoch, few.epochs, few.learning_rate) == (5, 1, 3, 0.1)
    assert digits.epochs == math.ceil(40_000 / 1297)
    assert many.epochs == 10
    assert large.learning_rate == pytest.approx(2 * digits.learning_rate)
    head = fitted(images=300, batch=256, epochs=None, learning_rate=None, seed=0, head_only=True)
    assert head.epochs == 500
    timed = fitted(images=300, batch=256, epochs=None, learning_rate=None, seed=0, budget=60.0)
    assert (timed.epochs, timed.share(1e9, 30.0)) == (None, 0.5)


def test_random_numbers_are_those_of_seed_and_step() -> None:
    def numbers(seed: int, step: int) -> list[float]:
        return torch.rand(3, generator=step_generator(seed, step, CPU)).tolist()

    assert numbers(0, 7) == numbers(0, 7)
    assert len({tuple(numbers(seed, step)) for seed in range(5) for step in range(5)}) == 25
    assert sorted(epoch_order(3, 1, 50).tolist()) == list(range(50))
    assert epoch_order(3, 1, 50).tolist() == epoch_order(3, 1, 50).tolist()
    assert epoch_order(3, 1, 50).tolist() != epoch_order(3, 2, 50).tolist()


def test_the_log_has_the_first_the_last_and_every_tenth_step(tmp_path: Path) -> None:
    import json

    with MetricsLog(tmp_path) as log:
        for step in range(1, 24):
            log.note(step, 23, {"loss": step / 2})

    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 10, 20, 23]
    assert json.loads(lines[1])["loss"] == 5


def test_the_log_of_a_resumed_run_has_no_step_twice(tmp_path: Path) -> None:
    import json

    with MetricsLog(tmp_path) as log:
        for step in range(1, 24):
            log.note(step, 40, {"loss": 1.0})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 24, "lo')

    with MetricsLog(tmp_path, after=15) as log:
        for step in range(16, 41):
            log.note(step, 40, {"loss": 2.0})

    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 10, 20, 30, 40]
