"""How far a setting that changes over a run has come: noise, temperature."""

from typing import Final

_SHARE: Final = 0.7  # of the run; the rest of it has the last value
_LATE: Final = (0.5, 0.85)  # shares of the run


def ramp(share: float) -> float:
    """From 0 to 1 in a straight line over the first 70 % of the run, then 1.

    Args:
        share: of the run that has passed, from 0 to 1.
    """
    return min(share / _SHARE, 1.0)


def late(share: float) -> float:
    """0 for half of the run, then in a straight line to 1, which it is from 85 % of the run on.

    Args:
        share: of the run that has passed, from 0 to 1.
    """
    first, last = _LATE
    return min(max((share - first) / (last - first), 0.0), 1.0)
