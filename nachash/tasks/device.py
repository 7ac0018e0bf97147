"""Which device encodes: a GPU through torch where there is one, else the CPU without torch."""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nachash.errors import DeviceError, UsageError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")


def gpu(device: str) -> str | None:
    """The torch device that encodes, or None for ONNX Runtime on the CPU.

    Importing torch takes seconds, so `auto` does it only where a sign of a GPU is seen.

    Raises:
        UsageError: `device` is none of DEVICES.
        DeviceError: the device was asked for by name and is not there.
    """
    if device not in DEVICES:
        raise UsageError(f"'{device}' is not a device", f"--device {'|'.join(DEVICES)}")
    if device == "cpu" or (device == "auto" and not _gpu_in_sight()):
        return None
    chosen = torch_device(device).type
    return None if chosen == "cpu" else chosen


def torch_device(device: str) -> "torch.device":
    """The torch device of that name; `auto` is the best one there is.

    Raises:
        UsageError: `device` is none of DEVICES.
        DeviceError: the device was asked for by name and is not there.
    """
    import torch

    if device not in DEVICES:
        raise UsageError(f"'{device}' is not a device", f"--device {'|'.join(DEVICES)}")
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        return torch.device(next(name for name, available in there.items() if available))
    if not there[device]:
        raise DeviceError(f"torch sees no {device} device on this machine", "--device cpu")
    return torch.device(device)


def _gpu_in_sight() -> bool:
    if find_spec("torch") is None:
        return False
    if sys.platform == "darwin":
        return True
    nodes = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
    return any(Path(node).exists() for node in nodes) or shutil.which("nvidia-smi") is not None
