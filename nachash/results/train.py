"""What `train` did."""

from dataclasses import dataclass

from nachash.records import Skipped


@dataclass(frozen=True, slots=True)
class Training:
    """Result of `train`; information and capacity are bits per code, times are seconds.

    `onnx_flip_rate` is the share of bits that the ONNX graph gives differently from torch on
    training images.
    """

    directory: str
    method: str
    backbone: str
    frozen: bool
    bits: int
    size: int
    flip_probability: float | None
    images: int
    skipped: tuple[Skipped, ...]
    steps: int
    epochs: float
    loss: float
    mutual_information: float | None
    capacity: float | None
    onnx_flip_rate: float
    seconds: float
