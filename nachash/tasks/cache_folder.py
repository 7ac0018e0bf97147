"""Where computed things are kept between runs: below `$NACHASH_CACHE`, else the user's cache."""

import os
from pathlib import Path


def cache_folder(kind: str) -> Path:
    """The folder of one kind of them; it need not exist."""
    from platformdirs import user_cache_dir

    return Path(os.environ.get("NACHASH_CACHE") or user_cache_dir("nachash")) / kind
