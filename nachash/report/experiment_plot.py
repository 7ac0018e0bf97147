"""Pictures of experiments: mAP against the length of a code, and against the channel's noise."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nachash.report.figure import new_figure
from nachash.results.compare import Experiment, Figure, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RETRIEVAL, _LINEAR, _CAPACITY = "#1f5f99", "#b5522b", "#999999"


def against_bits(experiment: Experiment, path: Path) -> None:
    """A line per method, mAP over all against bits; bars are the deviation over seeds."""
    drawing = new_figure(figsize=(7, 4.6), layout="constrained")
    from matplotlib import colormaps  # after the figure, which says where fonts are kept

    axes = drawing.subplots()
    methods = list(dict.fromkeys(row.method for row in experiment.rows))
    colours = colormaps["tab20"].colors  # type: ignore[attr-defined]
    for number, method in enumerate(methods):
        rows = sorted((r for r in experiment.rows if r.method == method), key=lambda r: r.bits)
        style = "--" if rows[0].frozen else "-"
        _line(axes, [row.bits for row in rows], [row.map for row in rows], colours[number], style)
        axes.lines[-1].set_label(method)
    axes.axhline(100 * experiment.chance, color=_CAPACITY, linestyle=":", label="chance")
    lengths = sorted({row.bits for row in experiment.rows})
    axes.set_xscale("log", base=2)
    axes.set_xticks(lengths, [str(bits) for bits in lengths])
    axes.minorticks_off()
    axes.set(xlabel="bits", ylabel="mAP over all (%)", ylim=(0, None))
    axes.set_title(experiment.dataset, loc="left")
    axes.set_title("dashed: head on a frozen network", loc="right", fontsize=8, color="#555555")
    _tidy(axes)
    drawing.legend(loc="outside right upper", frameon=False, fontsize=8)
    drawing.savefig(path, dpi=150)


def against_noise(experiment: Experiment, path: Path) -> None:
    """MAP and linear accuracy against the flip probability, the capacity on a second axis."""
    lengths = sorted({row.bits for row in experiment.rows})
    drawing = new_figure(figsize=(max(6.0, 4.2 * len(lengths)), 4.2), layout="constrained")
    panels = drawing.subplots(1, len(lengths), squeeze=False, sharey=True)[0]
    for axes, bits in zip(panels, lengths, strict=True):
        rows = sorted(
            (row for row in experiment.rows if row.bits == bits), key=lambda row: row.noise or 0.0
        )
        _noise_panel(axes, rows)
        axes.set_title(f"{experiment.dataset}, {bits} bits", loc="left")
    panels[0].set_ylim(0, 1.08 * panels[0].get_ylim()[1])
    panels[0].set_ylabel("mAP, linear accuracy (%)")
    handles, labels = panels[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    drawing.savefig(path, dpi=150)


def _noise_panel(axes: "Axes", rows: Sequence[Row]) -> None:
    noise = [row.noise or 0.0 for row in rows]
    _line(axes, noise, [row.map for row in rows], _RETRIEVAL, "-")
    axes.lines[-1].set_label("mAP over all")
    _name_best(axes, noise, [row.map for row in rows], _RETRIEVAL)
    linear = [row.linear for row in rows if row.linear is not None]
    if len(linear) == len(rows):
        _line(axes, noise, linear, _LINEAR, "-")
        axes.lines[-1].set_label("linear accuracy")
        _name_best(axes, noise, linear, _LINEAR)
    second = axes.twinx()
    second.plot(noise, [row.capacity or 0.0 for row in rows], color=_CAPACITY, linestyle=":")
    second.set_ylabel("capacity (bits)", color="#777777")
    second.set_ylim(0, None)
    second.spines["top"].set_visible(False)
    # Drawn for the legend: the line itself belongs to the second axis.
    axes.plot([], [], color=_CAPACITY, linestyle=":", label="channel capacity")
    axes.set(xlabel="flip probability p", xlim=(0, 0.5))
    _tidy(axes)


def _name_best(
    axes: "Axes", noise: Sequence[float], figures: Sequence[Figure], colour: str
) -> None:
    """Write the highest mean above its point: the curves are flat where it matters."""
    best, place = max((figure.mean, place) for figure, place in zip(figures, noise, strict=True))
    axes.plot(place, 100 * best, "o", color=colour, markersize=8, fillstyle="none")
    axes.annotate(
        f"{100 * best:.1f} at {place:g}",
        (place, 100 * best),
        xytext=(0, 8),
        textcoords="offset points",
        ha="center",
        color=colour,
        fontsize=9,
    )


def _line(
    axes: "Axes",
    places: Sequence[int] | Sequence[float],
    figures: Sequence[Figure],
    colour: object,
    style: str,
) -> None:
    means = [100 * figure.mean for figure in figures]
    spreads = [100 * (figure.spread or 0.0) for figure in figures]
    axes.errorbar(
        places,
        means,
        yerr=spreads if any(spreads) else None,
        color=colour,
        linestyle=style,
        marker="o",
        markersize=4,
        capsize=2,
    )


def _tidy(axes: "Axes") -> None:
    axes.grid(alpha=0.25)
    axes.spines[["top"]].set_visible(False)
