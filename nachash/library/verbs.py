"""`nachash.train`, `evaluate` and `compare`: what the commands of these names do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nachash.library.encoder import Encoder
from nachash.library.findings import Evaluation, values
from nachash.results.compare import Experiment
from nachash.tasks.evaluate.options import EvaluateSettings
from nachash.tasks.train.options import TrainSettings


def train(images: str | Path | None = None, **settings: Any) -> Encoder:
    """The encoder that `nachash train` learns from images, by default from `digits`.

    `settings` are those of the command: `bits=32, epochs=3, out="model"`.

    Raises:
        TrainingError: there are too few images.
        MissingError, NoImagesError: the images are not there.
        TypeError: there is no such setting.
    """
    from nachash.tasks.train.train import train as learn

    given = {**settings, "images": None if images is None else str(images)}
    return Encoder.load(learn(TrainSettings(**_with_paths(given, "out", "data_root"))).directory)


def evaluate(index: str | Path | None = None, **settings: Any) -> Evaluation:
    """How well the codes of a labelled index retrieve, or of a data set by name.

    `settings` are those of `nachash eval-map`: `at=1000`, or `dataset="cifar10", model="model"`.

    Raises:
        UsageError: labels are missing, or the settings contradict each other.
        IncompatibleError: two indexes were made by different encoders.
        TypeError: there is no such setting.
    """
    from nachash.tasks.evaluate.evaluate import evaluate as measure

    given = _with_paths({"index": index, **settings}, "index", "queries", "model")
    return Evaluation(**values(measure(EvaluateSettings(**given))))


def compare(
    methods: Sequence[str] = (),
    *,
    dataset: str = "digits",
    bits: Sequence[int] = (64,),
    seeds: int = 1,
    linear: bool = False,
    out: str | Path | None = None,
    **settings: Any,
) -> Experiment:
    """Methods trained and measured under one protocol; `settings` are those of training.

    Finished cells in `out` (default runs/compare-DATASET) are used again.

    Raises:
        UsageError: an unknown method or setting, or no labelled data set.
        ExistsError: the folder holds figures of other settings.
    """
    from nachash.tasks.compare.compare import CompareSettings
    from nachash.tasks.compare.compare import compare as measure

    return measure(
        CompareSettings(
            common=TrainSettings(dataset=dataset, **settings),
            methods=tuple(methods),
            bits=tuple(bits),
            seeds=seeds,
            linear=linear,
            out=None if out is None else Path(out),
        )
    )


def _with_paths(settings: dict[str, Any], *names: str) -> dict[str, Any]:
    """Settings of which some may be given as text."""
    paths = {name: Path(settings[name]) for name in names if settings.get(name) is not None}
    return {**settings, **paths}
