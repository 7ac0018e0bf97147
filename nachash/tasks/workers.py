"""How many threads decode images."""

import os


def decoding_threads(workers: int | None) -> int:
    """As many as asked for (0: none besides the calling one), else one per core."""
    return workers if workers is not None else os.cpu_count() or 1
