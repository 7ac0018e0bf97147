"""Nothing in a step waits for the device: no number of a tensor is asked for but every tenth step.

On a CPU the same operations run, so that a question is seen there: `_local_scalar_dense` is what
`float(tensor)`, `.item()` and `bool(tensor)` come to.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nachash import plugins
from nachash.augment import cifar
from nachash.encoders.encoder import initial
from nachash.errors import TrainingError
from nachash.objective import Batch, Scale
from nachash.training import loop
from nachash.training.plan import Plan
from nachash.training.views import PixelViews, resident

CPU, IMAGES, BATCH, SIZE = torch.device("cpu"), 24, 8, 8


class Questions(TorchDispatchMode):
    """Counts how often a number is asked for."""

    count = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: Any = (), named: Any = None
    ) -> Any:
        self.count += "_local_scalar_dense" in str(function)
        return function(*arguments, **(named or {}))


@contextmanager
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[Questions]:
    monkeypatch.setattr(loop, "_reading_interval", lambda _: 10)
    with Questions() as questions:
        yield questions


def built(name: str) -> Any:
    torch.manual_seed(0)
    plugin = plugins.load("methods", name)
    encoder = initial("small", weights="random", bits=16, head=plugin.USUAL.head)
    return plugin.method(encoder, Scale(IMAGES, BATCH))


def run(method: Any, epochs: int = 7, **changes: Any) -> list[loop.Step]:
    pixels = torch.randint(
        0, 256, (IMAGES, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(0)
    ).to(torch.uint8)
    views = PixelViews(pixels, cifar.recipe(SIZE), CPU)
    stage = loop.Stage(views, lambda: None, Batch, CPU, precision="fp32")
    settings = {"optimiser": "nac-lars", "weight_decay": 1e-6, "learning_rate": 0.1, **changes}
    steps: list[loop.Step] = []
    plan = Plan(images=IMAGES, batch=BATCH, epochs=epochs, **settings)
    loop.train(method, stage, plan, steps.append)
    return steps


@pytest.mark.parametrize(
    "name", ["nac", "nac-mean-field", "nac-moco", "moco-v2", "simclr", "cibhash", "bi-half"]
)
def test_a_step_asks_for_no_number(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method = built(name)
    run(built(name), epochs=1)  # what is made once, as constants of the views, is there then

    with as_on_a_gpu(monkeypatch) as questions:
        steps = run(method)

    assert questions.count == 0  # `tolist` of what was read is not one
    assert len(steps) == 21


def test_figures_that_are_read_later_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, later = built("nac"), built("nac")

    expected = run(at_once)
    with as_on_a_gpu(monkeypatch):
        found = run(later)

    assert [step.number for step in found] == list(range(1, 22))
    for one, other in zip(found, expected, strict=True):
        for name in one.figures.keys() - {"views_per_second"}:
            assert one.figures[name] == other.figures[name], name
    assert all(map(torch.equal, later.state_dict().values(), at_once.state_dict().values()))


def test_a_loss_that_is_no_number_is_told_with_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    method = built("nac")
    forward, calls = method.forward, iter(range(100))

    def broken(batch: Batch) -> Any:
        loss = forward(batch)
        if next(calls) < 13:
            return loss
        return type(loss)(loss.total * math.nan, loss.parts, loss.activations)

    method.forward = broken

    with as_on_a_gpu(monkeypatch), pytest.raises(TrainingError, match="the loss of step 14 is nan"):
        run(method)


def test_images_stay_where_they_are_if_a_gpu_has_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.zeros(10, 3, 4, 4, dtype=torch.uint8)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (2 * images.nbytes - 1, 10**9))

    assert resident(images, torch.device("cuda")) is images
    assert resident(images, CPU) is images
