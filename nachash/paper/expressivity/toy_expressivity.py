"""`expressivity --toy`: points -> encoders untrained, by SimCLR, by NAC -> exact regions."""

import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nachash import plugins
from nachash.errors import UsageError
from nachash.paper.expressivity import codewords, separation
from nachash.paper.expressivity.crossings import boundaries_crossed
from nachash.paper.expressivity.linear_regions import Layer, linear_regions, neighbours
from nachash.paper.expressivity.options import ToySettings
from nachash.records import Progress, silent
from nachash.results.expressivity import ToyExpressivity, ToyFineness, ToyPicture
from nachash.shapes import Bool, Float64
from nachash.tasks.environment import list_versions

if TYPE_CHECKING:
    from nachash.paper.expressivity.toy import Points, ToyEncoder

UNTRAINED: Final = "untrained"
ENCODERS: Final = (UNTRAINED, "simclr", "nac")
_BATCH: Final = 200
_RATE: Final = 1e-2
_MARGIN: Final = 1.15  # of the box, over the point farthest out
_PAIRS: Final = 100


def toy_expressivity(
    settings: ToySettings, *, progress: Progress = silent
) -> tuple[ToyExpressivity, tuple[ToyPicture, ...]]:
    """Regions and training errors for every encoder and seed, and pictures of the first seed.

    The points are the same for all seeds; an encoder's initial weights and its training follow
    from its seed, and the untrained encoder is the one that the two methods begin with.

    Raises:
        UsageError: there is no such shape, or a setting makes no sense.
    """
    from nachash.paper.expressivity import toy

    started = time.perf_counter()
    _check(settings, list(toy.SHAPES))
    drawn = toy.points(settings.shape, settings.points, settings.seed)
    measured: list[ToyPicture] = []
    for number in range(settings.seeds):
        for encoder in ENCODERS:
            progress("toy encoders", len(measured), settings.seeds * len(ENCODERS))
            trained = _trained(encoder, settings, drawn, settings.seed + number)
            measured.append(_measured(encoder, trained, drawn, settings.seed + number))
    record = ToyExpressivity(
        shape=settings.shape,
        points=settings.points,
        widths=settings.widths,
        bits=settings.bits,
        steps=settings.steps,
        spread=settings.spread,
        noise=settings.noise,
        temperature=settings.temperature,
        runs=tuple(picture.fineness for picture in measured),
        input_error=separation.separation(drawn.points, drawn.classes).error,
        data_seed=settings.seed,
        versions=list_versions(),
        seconds=time.perf_counter() - started,
    )
    return record, tuple(measured[: len(ENCODERS)])


def _check(settings: ToySettings, shapes: list[str]) -> None:
    if settings.shape not in shapes:
        raise UsageError(f"'{settings.shape}' is no shape of points", f"one of {', '.join(shapes)}")
    if settings.points < _BATCH or settings.bits < 1 or settings.steps < 1 or settings.seeds < 1:
        raise UsageError(
            f"the toy takes at least {_BATCH} points and one bit, step and seed",
            "nachash expressivity --toy",
        )


def _trained(name: str, settings: ToySettings, drawn: "Points", seed: int) -> tuple[Layer, ...]:
    """The layers of an encoder of a seed after its training, if it has any."""
    import torch

    from nachash.paper.expressivity.toy import ToyEncoder

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = ToyEncoder(settings.widths, settings.bits)
    if name != UNTRAINED:
        _train(name, encoder, settings, drawn, seed)
    return encoder.linear_layers()


def _train(
    name: str, encoder: "ToyEncoder", settings: ToySettings, drawn: "Points", seed: int
) -> None:
    import torch

    from nachash.objective import Batch, Scale
    from nachash.paper.expressivity.toy import NoisyPoints
    from nachash.training import loop
    from nachash.training.plan import Plan

    of_method: dict[str, dict[str, Any]] = {
        "nac": {"noise": settings.noise},
        "simclr": {"temperature": settings.temperature},
    }
    scale = Scale(settings.points, _BATCH)
    method = plugins.load("methods", name).method(encoder, scale, **of_method[name])
    inputs = torch.from_numpy(drawn.points).float()
    stage = loop.Stage(
        NoisyPoints(inputs, settings.spread),
        lambda: encoder(inputs).features,
        Batch,
        torch.device("cpu"),
    )
    per_epoch = settings.points // _BATCH
    plan = Plan(
        images=settings.points,
        batch=_BATCH,
        epochs=max(1, round(settings.steps / per_epoch)),
        learning_rate=_RATE,
        weight_decay=0.0,
        seed=seed,
    )
    loop.train(method, stage, plan, _unheard)


def _unheard(step: object) -> None:
    """Nobody is told of the steps of a toy."""


def _measured(name: str, layers: tuple[Layer, ...], drawn: "Points", seed: int) -> ToyPicture:
    """All figures of an encoder, and what its picture is drawn from."""
    extent = np.abs(drawn.points).max() * _MARGIN
    box = np.array([[-extent, -extent], [extent, extent]])
    regions = linear_regions(layers, box)
    activations = _activations(layers, drawn.points)
    code = activations[-1] > 0
    on_features = separation.separation(np.maximum(activations[-1], 0), drawn.classes)
    fineness = ToyFineness(
        encoder=name,
        seed=seed,
        regions=len(regions),
        occupied=codewords.distinct(_pattern(activations)),
        codes=codewords.distinct(code),
        pair_distance=codewords.mean_distance(code),
        crossings_per_length=_crossings(layers, drawn.points),
        error=on_features.error,
        code_error=separation.separation(code.astype(np.float64), drawn.classes).error,
    )
    # The classifier is one more layer, so that its border is exact as well.
    halves = linear_regions((*layers, on_features.classifier), box)
    return ToyPicture(
        title=name,
        fineness=fineness,
        polygons=[region.polygon for region in regions],
        neighbours=neighbours(np.stack([region.pattern for region in regions])),
        class_one=[half.polygon for half in halves if half.pattern[-1]],
        box=box,
        points=drawn.points,
        classes=drawn.classes,
    )


def _activations(
    layers: tuple[Layer, ...], points: Float64[np.ndarray, "n 2"]
) -> list[Float64[np.ndarray, "n _"]]:
    """Output of every layer before ReLU, in float64."""
    found, hidden = [], points
    for weight, bias in layers:
        found.append(hidden @ weight.T + bias)
        hidden = np.maximum(found[-1], 0)
    return found


def _pattern(activations: list[Float64[np.ndarray, "n _"]]) -> Bool[np.ndarray, "n bits"]:
    return np.concatenate(activations, axis=1) > 0


def _crossings(layers: tuple[Layer, ...], points: Float64[np.ndarray, "n 2"]) -> float:
    """Boundaries of all units crossed between random pairs of points, per unit of distance."""
    pairs = np.random.default_rng(0).permutation(len(points))[: 2 * _PAIRS].reshape(-1, 2)
    crossed = length = 0.0
    for start, end in points[pairs]:
        way = boundaries_crossed(lambda at: _pattern(_activations(layers, at)), start, end)
        crossed += way.crossed
        length += float(np.linalg.norm(end - start))
    return crossed / length
