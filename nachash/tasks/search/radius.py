"""Which Hamming radius a command uses when none is given."""

from pathlib import Path
from typing import Final

from nachash.errors import DamagedError, MissingError
from nachash.index.reader import Index
from nachash.results.calibration import Calibration

SHARE_OF_BITS: Final = 20  # one bit in so many may differ when nothing was measured


def calibration_of(index: Index) -> Calibration | None:
    """What `calibrate` stored in an index; None when it has not run.

    Raises:
        DamagedError: it cannot be understood.
    """
    if index.calibration is None:
        return None
    try:
        return Calibration.from_json(index.calibration)
    except (KeyError, ValueError, TypeError) as error:
        raise DamagedError(
            f"the calibration in {index.path} is damaged", f"nachash calibrate {index.path}"
        ) from error


def same_photo_radius(measured: Calibration | None, bits: int) -> tuple[int, str]:
    """The radius for copies of the same photo, and a sentence that says where it is from."""
    if measured is not None:
        radius = measured.same_photo_radius
        return radius, f"radius: {radius} of {bits} bits (calibrated for the same photo)"
    radius = bits // SHARE_OF_BITS
    return radius, f"radius: {radius} of {bits} bits (one in {SHARE_OF_BITS}; not calibrated)"


def similar_radius(measured: Calibration | None, path: Path) -> int:
    """The calibrated radius for similar images.

    Raises:
        MissingError: the index was not calibrated.
    """
    if measured is None:
        raise MissingError(
            f"{path} is not calibrated, so --similar has no radius",
            f"nachash calibrate {path}, or --max-distance 8",
        )
    return measured.similar_radius
