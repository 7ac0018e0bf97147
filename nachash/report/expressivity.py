"""Tables of `expressivity`: a row per encoder, and what the figures were counted on."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev

from nachash.results.expressivity import (
    Expressivity,
    Fineness,
    ModelFineness,
    ToyExpressivity,
    ToyFineness,
)

_PLANE_COLUMNS = (
    "model", "training", "codes", "distance", "boundaries", "per length", "regions in plane"
)  # fmt: skip
_TOY_COLUMNS = (
    "encoder", "regions", "with points", "codes", "distance", "per length", "error", "error on code"
)  # fmt: skip


def images(result: Expressivity) -> str:
    """Untrained and trained side by side, then how the figures were had."""
    rows = [row for model in result.models for row in _stages(model)]
    some = [stage for model in result.models for stage in (model.before, model.after)]
    samples = fmean(stage.samples for stage in some)
    stable = 100 * fmean(stage.stable for stage in some)
    counted = (
        f"of {result.pairs} pairs, on average {result.pair_length:.3g} apart (Euclidean, pixels in "
        f"0..1); {samples:,.0f} samples each, {stable:.0f} % of the pairs stable within 1 %"
    )
    facts = {
        "layer": f"{result.layer}, {some[0].units:,} units",
        "codes": f"different ones of {result.images:,} images; distance: of all pairs, in units",
        "boundaries": counted,
        "plane": f"{result.grid} x {result.grid} points around {', '.join(result.plane)}",
        "images": result.data,
        "poster": result.poster,
        "time": f"{result.seconds:.1f} s",
    }
    return "\n".join([*_columns(_PLANE_COLUMNS, rows), "", *_facts(facts)])


def toy(result: ToyExpressivity) -> str:
    """A row per kind of encoder, the mean over seeds and its standard deviation."""
    kinds = list(dict.fromkeys(run.encoder for run in result.runs))
    rows = [_toy_row(kind, [run for run in result.runs if run.encoder == kind]) for kind in kinds]
    seeds = len(result.runs) // len(kinds)
    layers = "-".join(map(str, (2, *result.widths, result.bits)))
    training = (
        f"{layers} ReLU units, the last {result.bits} make the code; {result.steps:,} steps, views "
        f"with noise of {result.spread:g}; NAC: p {result.noise:g}; SimCLR: tau "
        f"{result.temperature:g}"
    )
    facts = {
        "encoder": training,
        "points": f"{result.points:,} of {result.shape}; a straight line in the plane errs on "
        f"{100 * result.input_error:.1f} %",
        "seeds": f"{seeds}, from {result.data_seed} on" + (", ± standard deviation" * (seeds > 1)),
        "regions": "all of the box around the points, exactly; with points: those that hold some",
        "per length": "boundaries of all units between two points, per unit of their distance",
        "error": "of a linear classifier of the features, on the points it was fitted to",
        "poster": result.poster,
        "time": f"{result.seconds:.1f} s",
    }
    return "\n".join([*_columns(_TOY_COLUMNS, rows), "", *_facts(facts)])


def _facts(facts: Mapping[str, str]) -> Iterator[str]:
    """Names and values in two columns."""
    width = max(map(len, facts))
    return (f"{name:<{width}}  {value}" for name, value in facts.items())


def _stages(model: ModelFineness) -> Iterator[tuple[str, ...]]:
    for stage in (model.before, model.after):
        yield (model.model, stage.stage, *_figures(stage))


def _figures(stage: Fineness) -> tuple[str, ...]:
    return (
        f"{stage.codes:,}",
        f"{stage.pair_distance:.2f}",
        f"{stage.crossings:.1f}",
        f"{stage.crossings_per_length:.2f}",
        f"{stage.plane_regions:,}",
    )


def _toy_row(kind: str, runs: Sequence[ToyFineness]) -> tuple[str, ...]:
    return (
        kind,
        _mean([run.regions for run in runs], ".0f"),
        _mean([run.occupied for run in runs], ".0f"),
        _mean([run.codes for run in runs], ".0f"),
        _mean([run.pair_distance for run in runs], ".1f"),
        _mean([run.crossings_per_length for run in runs], ".1f"),
        _mean([100 * run.error for run in runs], ".1f") + " %",
        _mean([100 * run.code_error for run in runs], ".1f") + " %",
    )


def _mean(values: Sequence[float | int], form: str) -> str:
    spread = f" ±{stdev(values):{form}}" if len(values) > 1 else ""
    return f"{fmean(values):{form}}{spread}"


def _columns(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a table: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for first, *others in (titles, *rows):
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *cells])
