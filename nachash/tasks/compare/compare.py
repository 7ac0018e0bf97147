"""`compare`: methods, lengths and seeds -> trained and measured cells -> one table."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nachash import codes, plugins
from nachash.errors import UsageError
from nachash.records import Progress, silent
from nachash.results.compare import Cell, Experiment
from nachash.tasks.compare.cells import Runner
from nachash.tasks.compare.experiment import experiment
from nachash.tasks.compare.measure import Figures
from nachash.tasks.dataset import loaded_dataset
from nachash.tasks.train import settings as train_settings
from nachash.tasks.train.options import TrainSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareSettings:
    """What `compare` needs to know; the words are those of the command line.

    `methods` is all of them where it is empty. `common` holds what every cell is trained with,
    `particular` settings of a method by its name. Seeds are `common.seed` and the next ones; the
    protocol and the split of `common` are those of training and of the measures.
    """

    common: TrainSettings
    methods: tuple[str, ...] = ()
    bits: tuple[int, ...] = (64,)
    noises: tuple[float | None, ...] = (None,)
    seeds: int = 1
    linear: bool = False
    out: Path | None = None
    particular: dict[str, dict[str, Any]] = field(default_factory=dict)
    title: str = "Methods compared"
    command: str = "nachash compare"


def compare(
    settings: CompareSettings,
    *,
    progress: Progress = silent,
) -> Experiment:
    """Train or reuse every cell, measure it under one protocol, and put all into one record.

    Raises:
        UsageError: an unknown method or setting, or no labelled data set.
        ExistsError: the folder holds figures of other settings.
        InterruptedRunError: Ctrl-C; the same command goes on.
    """
    started = time.perf_counter()
    name = settings.common.dataset
    if name is None:
        raise UsageError("a comparison needs a labelled data set by name", "--dataset cifar10")
    methods = settings.methods or tuple(plugins.names("methods"))
    _check(methods, settings)
    figures = Figures(
        dataset=loaded_dataset(name, settings.common.data_root),
        protocol=settings.common.protocol,
        seed=settings.common.split_seed,
        linear=_linear(settings, progress) if settings.linear else None,
        device=settings.common.device,
        workers=settings.common.workers,
        progress=progress,
    )
    runner = Runner(
        folder=settings.out or Path("runs") / f"compare-{name}",
        common=settings.common,
        particular=settings.particular,
        protocol=f"{settings.common.protocol or 'usual'}, split {settings.common.split_seed}"
        + (", linear" if settings.linear else ""),
        measure=figures.of,
        progress=progress,
    )
    cells = [
        Cell(method, bits, settings.common.seed + seed, noise)
        for method in methods
        for noise in settings.noises
        for bits in settings.bits
        for seed in range(settings.seeds)
    ]
    for cell in cells:
        _check_cell(cell, runner.settings(cell))
    done, failed = runner.run(cells)
    seconds = time.perf_counter() - started
    return experiment(settings.title, settings.command, name, done, failed, seconds)


def _check(methods: tuple[str, ...], settings: CompareSettings) -> None:
    for name in (*methods, *settings.particular):
        plugins.load("methods", name)
    strangers = set(settings.particular) - set(methods)
    if strangers:
        raise UsageError(
            f"a setting of {sorted(strangers)[0]} was given, which is not compared",
            f"--methods {','.join((*methods, *sorted(strangers)))}",
        )


def _check_cell(cell: Cell, settings: TrainSettings) -> None:
    """Refuse settings that make no sense before the first cell is trained."""
    from nachash import channel

    codes.checked_bits(cell.bits)
    train_settings.method_settings(plugins.load("methods", cell.method), settings)
    if isinstance(settings.noise, float):
        channel.checked_flip_probability(settings.noise)


def _linear(settings: CompareSettings, progress: Progress) -> Callable[[Path], float]:
    """Accuracy of a linear classifier on a model's features."""
    from nachash.tasks.linear.linear import linear
    from nachash.tasks.linear.options import LinearSettings

    def accuracy(directory: Path) -> float:
        asked = LinearSettings(
            models=(directory,),
            dataset=settings.common.dataset,
            data_root=settings.common.data_root,
            device=settings.common.device,
            workers=settings.common.workers,
            seed=settings.common.split_seed,
        )
        return linear(asked, progress=progress).results[0].accuracy

    return accuracy
