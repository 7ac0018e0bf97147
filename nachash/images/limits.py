"""How large, how slow and how deep what a stranger sends may be; each limit can be raised.

A limit is raised by the environment, for those who have a reason: `NACHASH_IMAGE_MEMORY=4GB`.
"""

import os
import re
from typing import Final

from nachash.errors import UsageError

IMAGE_MEMORY: Final = "NACHASH_IMAGE_MEMORY"
IMAGE_SECONDS: Final = "NACHASH_IMAGE_SECONDS"
ARCHIVE_RATIO: Final = "NACHASH_ARCHIVE_RATIO"
ARCHIVE_BYTES: Final = "NACHASH_ARCHIVE_BYTES"

MAX_PIXELS: Final = 178_956_970  # 512 MiB of RGB, where Pillow's own limit stands
MAX_BYTES: Final = 1 << 30  # of an image file
HELD_BYTES: Final = 32 << 20  # of an image file that is read into memory; larger ones are streamed

_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_UNITS_OF_TWO: Final = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_AMOUNT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?", re.IGNORECASE)


def image_memory() -> int:
    """Bytes that decoding one picture may take."""
    return _amount(IMAGE_MEMORY, 10**9)


def image_seconds() -> float:
    """Seconds that decoding one picture may take."""
    return _number(IMAGE_SECONDS, 60.0)


def archive_ratio() -> float:
    """How many times its size an archive, or a member of one, may expand to."""
    return _number(ARCHIVE_RATIO, 200.0)


def archive_bytes() -> int:
    """Bytes that an archive may be unpacked into."""
    return _amount(ARCHIVE_BYTES, 256 * 10**9)


def _amount(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise UsageError(f"${name} is no number of bytes: {text}", f"{name}=4GB")
    number, unit, of_two = match[1], (match[2] or "").lower(), match[3]
    return int(float(number) * (_UNITS_OF_TWO if of_two else _UNITS)[unit])


def _number(name: str, default: float) -> float:
    text = os.environ.get(name, "").strip()
    try:
        number = float(text or default)
    except ValueError:
        number = 0.0
    if not number > 0:
        raise UsageError(f"${name} is no number above 0: {text}", f"{name}={default:g}")
    return number
