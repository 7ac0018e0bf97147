"""The images at a place that a user named, and what was left out there by its name."""

import logging
import sys
from collections.abc import Sequence
from typing import Final

from nachash.images.sources import location
from nachash.images.sources.files import Files
from nachash.images.sources.selection import FileSource

_log = logging.getLogger(__name__)

_SHOWN: Final = 3


def listed(place: str, exclude: Sequence[str]) -> FileSource:
    """See `location.source`; says how many files and folders were left out, and the first ones.

    Raises: as it does.
    """
    source = location.source(place, sys.stdin, exclude)
    if isinstance(source, Files) and source.excluded:
        names = source.excluded
        more = ", ..." if len(names) > _SHOWN else ""
        _log.info("left out by name: %s (%s%s)", f"{len(names):,}", ", ".join(names[:_SHOWN]), more)
    return source
