"""A new figure of matplotlib, which keeps its list of fonts in our cache folder."""

import os
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from nachash.own_folders import cache_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def load_matplotlib() -> None:
    """Import it, for the first time, with its own files in our cache folder."""
    if "matplotlib" not in sys.modules and not os.environ.get("MPLCONFIGDIR"):
        os.environ["MPLCONFIGDIR"] = _folder()
    import matplotlib as mpl  # noqa: F401


def new_figure(**options: Any) -> "Figure":
    """`matplotlib.figure.Figure` with these options, without a window."""
    load_matplotlib()
    from matplotlib.figure import Figure

    return Figure(**options)


def _folder() -> str:
    """Our cache folder, or a temporary one for this run: matplotlib would warn of its own."""
    place = cache_folder("matplotlib")
    try:
        if place is not None:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place):
                return str(place)
    except OSError:
        pass
    _temporary.append(tempfile.TemporaryDirectory(prefix="nachash-"))
    return _temporary[-1].name


_temporary: "list[tempfile.TemporaryDirectory[str]]" = []  # removed when the program ends
