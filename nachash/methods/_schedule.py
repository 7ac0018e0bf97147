"""How far a setting that changes over a run has come: noise, temperature."""

from typing import Final

_SHARE: Final = 0.7  # of the run; the rest of it has the last value


def ramp(share: float) -> float:
    """From 0 to 1 in a straight line over the first 70 % of the run, then 1.

    Args:
        share: of the run that has passed, from 0 to 1.
    """
    return min(share / _SHARE, 1.0)
