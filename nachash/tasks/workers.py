"""How many threads decode images."""

from nachash.cores import usable_cores


def decoding_threads(workers: int | None) -> int:
    """As many as asked for (0: none besides the calling one), else one per core."""
    return usable_cores() if workers is None else workers
