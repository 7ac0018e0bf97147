"""Pictures of `expressivity`: linear regions of toys, and planes through three images."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nachash.report.figure import new_figure
from nachash.report.region_colours import colours
from nachash.results.expressivity import Expressivity, PlanePicture, ToyPicture
from nachash.shapes import Bool, Float64, Int64

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CLASSES: Final = ("#14375e", "#c2410c")
_SIDES: Final = ("#dbe6f2", "#fbe0d0")
_INK: Final = "#222222"
_DPI: Final = 130
_COLOURS: Final = 128
# Where borders would cover more than this share of the cells, they are left out.
_MOST_BORDERS: Final = 0.3
_NAMES: Final = {"untrained": "untrained", "simclr": "SimCLR", "nac": "NAC"}
_LETTERS: Final = "ABC"


def draw_toys(toys: Sequence[ToyPicture], path: Path) -> None:
    """Above, the regions and the points; below, what a linear classifier of the features makes."""
    figure = new_figure(figsize=(3.1 * len(toys), 6.7), layout="constrained")
    above, below = figure.subplots(2, len(toys))
    for toy, regions, classes in zip(toys, above, below, strict=True):
        found = toy.fineness
        shades = colours(len(toy.polygons), toy.neighbours)
        _polygons(regions, toy.polygons, facecolors=shades, edgecolors=_INK, linewidths=0.35)
        _toy_axes(regions, toy)
        name = _NAMES.get(toy.title, toy.title)
        regions.set_title(f"{name}: {found.regions:,} linear regions", fontsize=10)
        classes.set_facecolor(_SIDES[0])
        _polygons(classes, toy.class_one, facecolors=_SIDES[1], edgecolors="none")
        _polygons(
            classes, toy.polygons, facecolors="none", edgecolors=_INK, linewidths=0.2, alpha=0.5
        )
        _toy_axes(classes, toy)
        classes.set_title(
            f"linear classifier: {100 * found.error:.1f} % training error\n"
            f"(of the code alone: {100 * found.code_error:.1f} %)",
            fontsize=9,
        )
    _save(figure, path)


def draw_planes(result: Expressivity, planes: Sequence[PlanePicture], path: Path) -> None:
    """A row per model: the three images, then the plane before and after training."""
    models = len(planes) // 2
    figure = new_figure(figsize=(8.6, 3.9 * models), layout="constrained")
    rows: Any = figure.subfigures(models, 1, squeeze=False)[:, 0]
    for number, row in enumerate(rows):
        cells: Any = row.subplots(3, 3, width_ratios=(0.26, 1, 1))
        pair = planes[2 * number : 2 * number + 2]
        for letter, thumbnail, axes in zip(_LETTERS, pair[0].thumbnails, cells[:, 0], strict=True):
            axes.imshow(thumbnail, interpolation="nearest")
            axes.set_title(letter, fontsize=9)
            axes.set(xticks=[], yticks=[])
        grid = cells[0, 0].get_gridspec()
        for column, picture in enumerate(pair, start=1):
            for cell in cells[:, column]:
                cell.remove()
            _draw_plane(row.add_subplot(grid[:, column]), picture)
        model = result.models[number]
        row.suptitle(f"{model.model} ({model.method}), layer {result.layer}", fontsize=10)
    _save(figure, path)


def _save(figure: "Figure", path: Path) -> None:
    """Write the picture; a PNG with a palette, which takes a fifth of the bytes."""
    if path.suffix.lower() != ".png":
        figure.savefig(path)
        return
    from PIL import Image

    with io.BytesIO() as drawn:
        figure.savefig(drawn, format="png", dpi=_DPI)
        with Image.open(drawn) as picture:
            few = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def _polygons(axes: "Axes", polygons: "Sequence[Float64[np.ndarray, '_ 2']]", **style: Any) -> None:
    from matplotlib.collections import PolyCollection

    axes.add_collection(PolyCollection(list(polygons), antialiased=True, **style))


def _toy_axes(axes: "Axes", toy: ToyPicture) -> None:
    (left, low), (right, high) = toy.box
    for number, colour in enumerate(_CLASSES):
        x, y = toy.points[toy.classes == number].T
        axes.scatter(x, y, s=7, color=colour, edgecolors="white", linewidths=0.25, zorder=3)
    axes.set(xlim=(left, right), ylim=(low, high), xticks=[], yticks=[], aspect="equal")


def _draw_plane(axes: "Axes", picture: PlanePicture) -> None:
    names, numbers = np.unique(picture.regions, return_inverse=True)
    cells = numbers.reshape(picture.regions.shape)
    shades = colours(len(names), _touching(cells))
    left, right, low, high = picture.window
    axes.imshow(
        shades[cells],
        extent=(left, right, low, high),
        origin="lower",
        interpolation="nearest",
    )
    if _borders(cells).mean() <= _MOST_BORDERS:
        _draw_borders(axes, cells, picture.window)
    triangle = np.vstack([picture.corners, picture.corners[:1]])
    axes.plot(*triangle.T, color=_INK, linewidth=0.7, linestyle=(0, (4, 3)))
    for letter, (x, y) in zip(_LETTERS, picture.corners, strict=True):
        axes.plot(x, y, "o", color="white", markeredgecolor=_INK, markersize=11)
        axes.text(x, y, letter, ha="center", va="center_baseline", fontsize=7.5, color=_INK)
    axes.set(xlim=(left, right), ylim=(low, high))
    axes.tick_params(labelsize=7)
    found = picture.fineness
    axes.set_title(
        f"{found.stage} training: {found.plane_regions:,} patterns in the plane", fontsize=9
    )
    axes.set_xlabel("distance of pixels in 0..1", fontsize=8)


def _borders(cells: Int64[np.ndarray, "rows columns"]) -> Bool[np.ndarray, "r c"]:
    """Which cells differ from the one to their right or above."""
    return (cells[:-1, :-1] != cells[:-1, 1:]) | (cells[:-1, :-1] != cells[1:, :-1])


def _draw_borders(
    axes: "Axes",
    cells: Int64[np.ndarray, "rows columns"],
    window: tuple[float, float, float, float],
) -> None:
    """Lines along the edges between cells of different patterns."""
    from matplotlib.collections import LineCollection

    left, right, low, high = window
    across = (right - left) / cells.shape[1]
    up = (high - low) / cells.shape[0]
    row, column = np.nonzero(cells[:, :-1] != cells[:, 1:])
    x, y = left + (column + 1) * across, low + row * up
    standing = np.stack([np.column_stack([x, y]), np.column_stack([x, y + up])], axis=1)
    row, column = np.nonzero(cells[:-1] != cells[1:])
    x, y = left + column * across, low + (row + 1) * up
    lying = np.stack([np.column_stack([x, y]), np.column_stack([x + across, y])], axis=1)
    lines = np.concatenate([standing, lying])
    axes.add_collection(LineCollection(list(lines), colors=_INK, linewidths=0.25, alpha=0.7))


def _touching(cells: Int64[np.ndarray, "rows columns"]) -> Int64[np.ndarray, "pairs 2"]:
    """Pairs of numbers that stand side by side somewhere."""
    beside = np.stack([cells[:, :-1].ravel(), cells[:, 1:].ravel()], axis=1)
    above = np.stack([cells[:-1].ravel(), cells[1:].ravel()], axis=1)
    pairs = np.sort(np.concatenate([beside, above]), axis=1)
    return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0).astype(np.int64)
