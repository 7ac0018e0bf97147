"""Pictures of records, drawn by matplotlib without a display."""

from pathlib import Path
from typing import TYPE_CHECKING

from nachash.errors import UsageError
from nachash.report import output
from nachash.report.figure import load_matplotlib, new_figure
from nachash.results.evaluate import Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")


def check_writable(path: Path, *, overwrite: bool) -> None:
    """Refuse a picture that could not be written, before the work for it is done.

    Raises:
        ExistsError: the file exists and `overwrite` is false.
        MissingError: its folder does not exist.
        UsageError: its suffix is none of FORMATS.
    """
    load_matplotlib()  # where it is missing, that is told before the work
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path} has none of the suffixes {', '.join(FORMATS)}", "--plot out.png")
    output.check_writable(path, overwrite=overwrite)


def precision_recall(scores: Scores, path: Path) -> None:
    """Draw precision against recall, a point per Hamming radius, and chance as a line."""
    figure = new_figure(figsize=(6, 4.2), layout="constrained")
    _draw_precision_recall(figure, scores)
    figure.savefig(path, dpi=150)


def _draw_precision_recall(figure: "Figure", scores: Scores) -> None:
    axes = figure.subplots()
    recall, precision = scores.curve["recall"], scores.curve["precision"]
    axes.plot(recall, precision, marker=".", color="#1f5f99", label=f"{scores.bits} bits")
    axes.axhline(scores.chance, color="#999999", linestyle="--", label="chance")
    axes.set(
        xlabel="recall",
        ylabel="precision",
        xlim=(0, 1.01),
        ylim=(0, 1.01),
    )
    axes.set_title(f"mAP {100 * scores.map:.2f} %", loc="left")
    axes.set_title(scores.protocol, loc="right", fontsize=7, color="#555555", wrap=True)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
