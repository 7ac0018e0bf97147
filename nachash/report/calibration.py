"""A calibration as text: what each radius finds and what it lets in."""

from collections.abc import Iterator

from nachash.records import to_json
from nachash.results.calibration import Calibration

_COLUMNS = "radius  same photo  similar  strangers per query"


def text(measured: Calibration) -> Iterator[str]:
    """A line per radius up to where strangers are many, and the two recommended radii."""
    yield (
        f"{measured.bits} bits, {measured.rows:,} images; copies of {measured.images:,}, "
        f"{sum(measured.random):,} random pairs"
    )
    yield _COLUMNS
    for radius in _shown(measured):
        yield (
            f"{radius:>6}  {100 * measured.recall(radius):>8.1f} %  "
            f"{100 * measured.similar_recall(radius):>5.1f} %  "
            f"{measured.false_positives(radius):>19.4g}"
        )
    if measured.false_positives(0) > 1:
        yield (
            f"even equal codes meet {measured.false_positives(0):.3g} strangers per query: "
            "longer codes or longer training would tell these images apart better"
        )
    yield f"same photo  within {measured.same_photo_radius} bits (dedup)"
    yield f"similar     within {measured.similar_radius} bits (search --similar)"


def _shown(measured: Calibration) -> range:
    """Radii from 0 to a few beyond the wider of the two."""
    return range(min(measured.bits, measured.similar_radius + 4) + 1)


def json(measured: Calibration) -> str:
    """The record with the share of copies found and the strangers expected at each radius."""
    radii = range(measured.bits + 1)
    return to_json(
        {
            "bits": measured.bits,
            "rows": measured.rows,
            "images": measured.images,
            "same_photo_radius": measured.same_photo_radius,
            "similar_radius": measured.similar_radius,
            "random": measured.random,
            "same_photo": measured.same_photo,
            "similar": measured.similar,
            "recall": [measured.recall(r) for r in radii],
            "similar_recall": [measured.similar_recall(r) for r in radii],
            "false_positives": [measured.false_positives(r) for r in radii],
        }
    )
