"""A comparison of variational autoencoders as a table, the poster's figures beside it."""

from collections.abc import Iterator, Sequence
from typing import Final

from nachash.results.vae import VaeComparison

_HEAD: Final = (
    ("start", ""),
    ("log-", "likelihood"),
    ("", "KL"),
    ("", "ELBO"),
    ("importance", "weighted"),
    ("active", "units"),
    ("gap to", "IW bound"),
    ("gap to fit", "per image"),
    ("poster's log-", "likelihood"),
    ("poster's", "KL"),
)


def text(result: VaeComparison) -> Iterator[str]:
    """Two lines per start, nats above bits per dimension, and what they are figures of."""
    data = result.data
    yield (
        f"{data['name']}: {data['images']:,} images of {result.size} x {result.size} x 3, measured "
        f"on {data['test_images']:,} others; backbone {result.backbone}, {result.latent} latents, "
        f"seed {result.seed}"
    )
    yield f"likelihood {result.likelihood}: {result.likelihood_of}"
    yield "nats per image, below them bits per dimension"
    yield ""
    yield from _aligned([*zip(*_HEAD, strict=True), *_rows(result)])
    yield ""
    yield from _footnotes(result)


def _rows(result: VaeComparison) -> Iterator[Sequence[str]]:
    for start in result.starts:
        figures = ("log_likelihood", "kl", "elbo", "iw_log_likelihood")
        gap, poster = start.inference_gap, start.poster
        yield (
            start.init,
            *(f"{getattr(start, name):.1f}" for name in figures),
            f"{start.active_units}",
            f"{gap.importance_weighted:.2f}",
            f"{gap.optimised_posterior:.2f}",
            f"{poster.log_likelihood:.0f}" if poster else "",
            f"{poster.kl:.1f}" if poster else "",
        )
        bits = [f"{start.bits_per_dim[name]:.4f}" for name in figures]
        method = f"  {start.method}" if start.method != start.init else ""
        yield (method, *bits, *[""] * 5)


def _footnotes(result: VaeComparison) -> Iterator[str]:
    if result.starts:
        gap = result.starts[0].inference_gap
        times = ", ".join(f"{s.steps:,} steps in {s.seconds:.0f} s" for s in result.starts)
        yield (
            f"importance weighted: {result.iw_samples} samples; fit per image: {gap.images} "
            f"images; training {times}"
        )
    yield "poster: its likelihood, pixel scale, decoder and length are not published (docs/vae.md)"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]
        yield "  ".join(cells).rstrip()
