"""The root of a source, which the paths of an index are relative to."""

import os


def absolute(root: str) -> str:
    """A root as an index keeps it: absolute, so that it holds wherever one searches."""
    return root if "://" in root else os.path.abspath(root)  # noqa: PTH100 (links stay)
