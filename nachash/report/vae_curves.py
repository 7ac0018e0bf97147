"""Curves of variational autoencoders: ELBO, log-likelihood and KL by epoch, a line per start."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nachash.report.figure import new_figure
from nachash.results.vae import VaeComparison, VaeEpoch, VaeStart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS: Final = (
    ("elbo", "ELBO"),
    ("log_likelihood", "log-likelihood"),
    ("kl", "KL divergence"),
)
# Distinguishable also without colour vision (Okabe and Ito), and by their dashes without colour.
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES: Final = ("-", "--", "-.", ":")
_FEW_POINTS: Final = 30


def curves(result: VaeComparison, path: Path) -> None:
    """Draw ELBO, log-likelihood and KL on the test images against epochs, a line per start."""
    figure = new_figure(figsize=(10.5, 3.9), layout="constrained")
    for axes, (name, title) in zip(figure.subplots(1, len(_PANELS)), _PANELS, strict=True):
        _draw(axes, result.starts, name)
        axes.set_title(title, loc="left", fontsize=11)
        axes.set(xlabel="epoch", ylabel="nats per test image")
    data = result.data
    figure.suptitle(
        f"VAE on {data['images']:,} images of {data['name']}; likelihood {result.likelihood}, "
        f"{result.latent} latents, backbone {result.backbone}",
        x=0.01,
        ha="left",
        fontsize=11,
    )
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=4, frameon=False)
    figure.savefig(path, dpi=150)


def _draw(axes: "Axes", starts: Sequence[VaeStart], name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    for number, start in enumerate(starts):
        axes.plot(
            _passes(start),
            [getattr(point, name) for point in start.epochs],
            color=_COLOURS[number % len(_COLOURS)],
            linestyle=_DASHES[number % len(_DASHES)],
            marker="." if len(start.epochs) < _FEW_POINTS else "",
            label=start.name,
        )
    low, high = _span([getattr(point, name) for start in starts for point in _settled(start)])
    axes.set_ylim(low, high)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def _passes(start: VaeStart) -> Sequence[float]:
    """How often the images were seen at each point; a budget cuts the last epoch short."""
    whole = start.epochs[0].steps
    return [point.steps / whole for point in start.epochs]


def _settled(start: VaeStart) -> Sequence[VaeEpoch]:
    """The points that a scale is made for: without the first tenth, where values still fall far."""
    return start.epochs[len(start.epochs) // 10 :]


def _span(values: Sequence[float]) -> tuple[float, float]:
    """From the lowest to the highest, with some room."""
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room
