"""Array types with their shapes: `UInt8[np.ndarray, "n bytes"]`.

In tests (`NACHASH_CHECK_SHAPES=1`) and for type checkers these are jaxtyping's types, checked
at run time; elsewhere the bare array type, since importing jaxtyping takes as long as numpy.
Axis names are spelled the same everywhere: batch, bits, bytes, queries, gallery, k, n, classes.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or os.environ.get("NACHASH_CHECK_SHAPES"):
    from jaxtyping import Bool, Float, Float32, Float64, Int32, Int64, UInt8, UInt16, UInt32, UInt64
else:

    class _Unchecked:
        """Stands for a jaxtyping type and returns the array type it is subscripted with."""

        def __class_getitem__(cls, item: tuple[Any, str]) -> Any:
            return item[0]

    Bool = Float = Float32 = Float64 = Int32 = Int64 = _Unchecked
    UInt8 = UInt16 = UInt32 = UInt64 = _Unchecked

__all__ = [
    "Bool",
    "Float",
    "Float32",
    "Float64",
    "Int32",
    "Int64",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
]
