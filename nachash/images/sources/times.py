"""Times of change as an index can keep them: whole nanoseconds since 1970, in 64 bits."""

import math
from typing import Final, SupportsFloat

UNKNOWN: Final = 0
_EARLIEST: Final = -(2**63)
_LATEST: Final = 2**63 - 1  # in April 2262


def nanoseconds(seconds: SupportsFloat) -> int:
    """Seconds since 1970 in ns; 0 (unknown) for what is no number, else the nearest that fits."""
    time = float(seconds) * 1e9
    if math.isnan(time) or math.isinf(float(seconds)):
        return UNKNOWN
    return within_64_bits(int(min(max(time, _EARLIEST), _LATEST)))


def within_64_bits(time: int) -> int:
    """The nearest time in ns that an index can keep: files can be dated to any year."""
    return min(max(time, _EARLIEST), _LATEST)
