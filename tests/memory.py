"""How much memory this process ever held; imported by processes that tests start."""

import sys
from pathlib import Path


def peak_bytes():
    """The most bytes that were resident since this program began.

    Not `ru_maxrss` on Linux: a child begins with what the process that started it had.
    """
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    import resource

    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return own if sys.platform == "darwin" else own * 1024
