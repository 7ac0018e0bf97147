"""How many cores this process may use, which is not how many the machine has."""

import functools
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

_GROUPS: Final = Path("/proc/self/cgroup")
_ROOT: Final = Path("/sys/fs/cgroup")


@functools.cache
def usable_cores() -> int:
    """Cores of the machine, less what affinity (taskset) and a container's quota take away.

    A quota of half a core is one core. It is looked up once: all parts of a run agree.
    """
    return max(1, math.ceil(min(_allowed_cores(), _quota(_GROUPS, _ROOT))))


def cores_for_native_threads() -> int:
    """The same for ONNX Runtime, whose own choice (0) suits a machine that is all ours.

    It leaves out a core's second thread, but knows neither affinity nor quota.
    """
    return 0 if usable_cores() == os.cpu_count() else usable_cores()


def _allowed_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota(groups: Path, root: Path) -> float:
    """Cores' worth of time that the control groups of this process leave it; inf for no limit.

    Every group above counts as well. Inside a container the own group is mostly the root.
    """
    try:
        lines = groups.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return math.inf
    least = math.inf
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            least = min(least, _least(root, path, _second_version))
        elif "cpu" in controllers.split(","):
            for mounted in ("cpu", "cpu,cpuacct"):
                least = min(least, _least(root / mounted, path, _first_version))
    return least


def _least(root: Path, path: str, quota: Callable[[Path], float]) -> float:
    own = root / path.lstrip("/")
    return min(quota(group) for group in (own, *own.parents) if group.is_relative_to(root))


def _first_version(group: Path) -> float:
    return _ratio(_read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us"))


def _second_version(group: Path) -> float:
    quota, _, period = _read(group / "cpu.max").partition(" ")
    return _ratio(quota, period)


def _ratio(quota: str, period: str) -> float:
    """Cores' worth; `max` and -1 stand for no limit."""
    try:
        return int(quota) / int(period) if int(quota) > 0 else math.inf
    except (ValueError, ZeroDivisionError):
        return math.inf


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
