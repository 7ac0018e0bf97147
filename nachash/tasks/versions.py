"""Versions that are recorded with every result."""

import importlib.metadata
import platform

from nachash import __version__

PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "onnx",
    "onnxruntime",
    "numpy",
    "scikit-learn",
    "pillow",
)


def versions() -> dict[str, str]:
    """Version of nachash, of Python and of the packages that figures depend on."""
    found = {"nachash": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
