"""Number format of training: as the hardware likes it, or as asked for."""

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import torch

from nachash.errors import UsageError

PRECISIONS: Final = ("auto", "fp32", "tf32", "bf16")
# NVIDIA's Ampere; before it bfloat16 is emulated, slower than single precision.
_MULTIPLIES_BFLOAT16: Final = (8, 0)


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse what the device cannot be asked for.

    Raises:
        UsageError: there is no such precision, or TF32 without an NVIDIA GPU.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"'{precision}' is not a precision", f"--precision {'|'.join(PRECISIONS)}")
    if precision == "tf32" and device.type != "cuda":
        raise UsageError(f"the device {device.type} has no TF32", "--precision fp32")


def autocast_type(device: torch.device, precision: str = "auto") -> torch.dtype | None:
    """bfloat16 where it is asked for; by default where it is native; else None, single precision.

    torch calls bfloat16 supported where it is emulated too: on a T4, V100 or TITAN RTX. On a CPU
    without such instructions, measured on an AVX2 machine, forward and backward of a 3 x 3
    convolution with 32 channels took 3.4 times as long as in fp32.
    """
    if precision != "auto":
        return torch.bfloat16 if precision == "bf16" else None
    native = {"cuda": _gpu_multiplies_bfloat16, "cpu": _cpu_multiplies_bfloat16}
    return torch.bfloat16 if native.get(device.type, _never)() else None


@contextlib.contextmanager
def autocast(device: torch.device, precision: str = "auto") -> Iterator[None]:
    """A context in which layers compute in `autocast_type`.

    With `fp32` an NVIDIA GPU rounds no product to TF32, with `tf32` every product; else torch's
    own setting stays, which is TF32 for convolutions.
    """
    number = autocast_type(device, precision)
    with (
        _tensor_cores(precision),
        torch.autocast(device.type, dtype=number or torch.bfloat16, enabled=number is not None),
    ):
        yield


@contextlib.contextmanager
def _tensor_cores(precision: str) -> Iterator[None]:
    if precision not in ("fp32", "tf32"):
        yield
        return
    backends: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed


def _gpu_multiplies_bfloat16() -> bool:
    if torch.version.hip is not None:
        return torch.cuda.is_bf16_supported()
    return torch.cuda.get_device_capability() >= _MULTIPLIES_BFLOAT16


def _cpu_multiplies_bfloat16() -> bool:
    # Older torch cannot tell.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _never() -> bool:
    return False
