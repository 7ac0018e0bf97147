"""Where a figure comes from: the machine, and the versions of what computed it."""

import importlib.metadata
import platform
from pathlib import Path
from typing import Final

from nachash import __version__
from nachash.cores import usable_cores

_LINUX: Final = Path("/proc/cpuinfo")
_PACKAGES: Final = (
    "torch",
    "torchvision",
    "timm",
    "onnx",
    "onnxruntime",
    "numpy",
    "scikit-learn",
    "pillow",
)


def describe_machine() -> str:
    """Processor, cores, system."""
    return f"{_processor()}, {usable_cores()} cores, {platform.system()} {platform.machine()}"


def list_versions() -> dict[str, str]:
    """Version of nachash, of Python and of the packages that figures depend on."""
    found = {"nachash": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    if _LINUX.exists():
        for line in _LINUX.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
