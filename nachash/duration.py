"""Times as a user types them: 90s, 10m, 1.5h."""

import re
from typing import Final

from nachash.errors import UsageError

_UNITS: Final = {"s": 1, "m": 60, "h": 3600}


def seconds(text: str, option: str) -> float:
    """The seconds in a text such as `90s`, `10m` or `1.5h`.

    Raises:
        UsageError: it is no such text, or no time at all; names the option.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if not found or float(found[1]) == 0:
        raise UsageError(f"'{text}' is not a time", f"{option} 90s, {option} 10m or {option} 1.5h")
    return float(found[1]) * _UNITS[found[2]]
