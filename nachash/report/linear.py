"""Linear classification as text and as JSON lines: a line per model, features and fraction."""

from collections.abc import Iterator, Sequence
from typing import Final

from nachash.records import to_json
from nachash.results.linear import LinearProbe, LinearResult

_COLUMNS: Final = ("model", "method", "encoder", "features", "labels", "accuracy", "penalty")
_LEFT: Final = 4  # columns of words
_MOST_CLASSES: Final = 100
_SOLVERS: Final = {
    "exact": "logistic regression, its penalty chosen on a fifth of the training images",
    "published": "SGD on new crops and flips, {epochs} epochs{shortened}",
    "knn": "votes of the {neighbours} nearest, by cosine",
}
_PUBLISHED_EPOCHS: Final = 100


def text(probe: LinearProbe) -> Iterator[str]:
    """A table with a row per result, then what all of them share."""
    yield from _aligned([_COLUMNS, *(_row(each) for each in probe.results)])
    yield ""
    yield f"solver  {_solver(probe)}"
    yield f"data    {probe.rule}"
    yield (
        f"test    {probe.results[0].test:,} images of {len(probe.classes)} classes, "
        f"chance {100 * probe.chance:.2f} %"
    )
    if probe.seeds > 1:
        yield f"seeds   {probe.seeds} from {probe.seed}: mean and standard deviation"
    if probe.poster:
        yield f"poster  {probe.poster}"
    yield f"time    {probe.seconds:.1f} s"


def json(probe: LinearProbe) -> Iterator[str]:
    """An object per result; the matrix of confusions is left out above 100 classes."""
    small = len(probe.classes) <= _MOST_CLASSES
    for each in probe.results:
        yield to_json(
            {
                "accuracy": each.accuracy,
                "spread": each.spread,
                "accuracies": each.accuracies,
                "solver": probe.solver,
                "features": each.features,
                "fraction": each.fraction,
                "train": each.train,
                "test": each.test,
                "seed": probe.seed,
                "seeds": len(each.accuracies),
                "penalties": each.penalties,
                "epochs": probe.epochs,
                "neighbours": probe.neighbours,
                "chance": probe.chance,
                "model": each.model,
                "encoder_sha256": each.encoder_sha256,
                "method": each.method,
                "backbone": each.backbone,
                "bits": each.bits,
                "seen_in_training": each.seen,
                "data": probe.data,
                "data_sha256": probe.sha256,
                "protocol": probe.rule,
                "poster": probe.poster,
                "classes": probe.classes,
                "confusion": each.confusion if small else None,
                "skipped": probe.skipped,
                "versions": probe.versions,
                "seconds": each.seconds,
            }
        )


def _row(each: LinearResult) -> tuple[str, ...]:
    spread = "" if each.spread is None else f" ± {100 * each.spread:.2f}"
    return (
        each.model,
        each.method,
        each.backbone,
        f"{each.features} ({each.bits})" if each.features != "features" else each.features,
        f"{each.train:,}",
        f"{100 * each.accuracy:.2f} %{spread}",
        _range(each.penalties),
    )


def _range(penalties: Sequence[float]) -> str:
    """The smallest and the largest, or the only one."""
    ends = sorted({min(penalties), max(penalties)}) if penalties else []
    return " to ".join(f"{penalty:.2g}" for penalty in ends) or "-"


def _solver(probe: LinearProbe) -> str:
    shortened = "" if probe.epochs == _PUBLISHED_EPOCHS else f", published: {_PUBLISHED_EPOCHS}"
    return f"{probe.solver}: " + _SOLVERS[probe.solver].format(
        epochs=probe.epochs, neighbours=probe.neighbours, shortened=shortened
    )


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns two spaces apart, words to the left and numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if place < _LEFT else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
