"""A path as it is shown: so that a program started here can open it."""

from pathlib import Path


def shown(path: str) -> str:
    """Relative to the current directory where the file lies below it, else as it is."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
