"""The machine that a figure comes from, in words."""

import os
import platform
from pathlib import Path

_LINUX = Path("/proc/cpuinfo")


def machine() -> str:
    """Processor, cores, system."""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def _processor() -> str:
    if _LINUX.exists():
        for line in _LINUX.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
