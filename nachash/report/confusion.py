"""Confusion matrices of a linear classification, a panel per result, drawn by matplotlib."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nachash.report.figure import new_figure
from nachash.results.linear import LinearProbe, LinearResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACROSS: Final = 3
_MOST_NUMBERED: Final = 20
_MOST_NAMED: Final = 40
_LEAST_WRITTEN: Final = 0.5  # percent


def draw(probe: LinearProbe, path: Path) -> None:
    """Write the picture: rows are true classes in percent, columns what was predicted.

    Numbers stand in the cells up to 20 classes, names at the edges up to 40.
    """
    count = len(probe.results)
    across = min(count, _ACROSS)
    down = math.ceil(count / across)
    side = min(9.0, 3.0 + 0.25 * len(probe.classes))
    figure = new_figure(figsize=(side * across, side * down), layout="constrained")
    panels = list(figure.subplots(down, across, squeeze=False).flat)
    image: Any = None
    for axes, result in zip(panels, probe.results, strict=False):
        image = _panel(axes, result, probe.classes)
    for axes in panels[count:]:
        axes.set_axis_off()
    bar = figure.colorbar(image, ax=panels, shrink=0.6, pad=0.02)
    bar.set_label("of the true class, %")
    figure.suptitle(f"{probe.data}, solver {probe.solver}", x=0.01, ha="left")
    figure.savefig(path, dpi=150)


def _panel(axes: "Axes", result: LinearResult, names: tuple[str, ...]) -> Any:
    images = result.confusion.sum(axis=1, keepdims=True)
    shares = 100 * result.confusion / np.maximum(images, 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    axes.set_title(
        f"{result.model}, {result.features}, {result.train:,} labels\n"
        f"accuracy {100 * result.accuracy:.2f} %",
        loc="left",
        fontsize=9,
    )
    axes.set(xlabel="predicted", ylabel="true")
    if len(names) <= _MOST_NAMED:
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
        axes.set_yticks(range(len(names)), names, fontsize=8)
    if len(names) <= _MOST_NUMBERED:
        for (row, column), share in np.ndenumerate(shares):
            if share < _LEAST_WRITTEN:
                continue
            colour = "white" if share > 55 else "#222222"
            axes.text(
                column, row, f"{share:.0f}", ha="center", va="center", color=colour, fontsize=7
            )
    return image
