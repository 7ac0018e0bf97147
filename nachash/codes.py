"""THE code: how activations become bits, bits become bytes, and bytes become distances.

The one waist between the learning half (torch) and the searching half (numpy, FAISS):

* a bit is `activation > 0`; zero counts as 0, there is no third symbol;
* bits are packed most significant bit first (`numpy.packbits`, big), padding bits are zero;
* the Hamming distance counts differing bits, so padding never adds to it.
"""

from typing import Final

import numpy as np

from nachash.errors import UsageError
from nachash.shapes import Bool, Float, Float64, UInt8, UInt16

BIT_ORDER: Final = "big"
MAX_BITS = 4096


def checked_bits(bits: int) -> int:
    """Return `bits` when it is a code length that nachash supports, 1 to 4096.

    Raises:
        UsageError: for any other number.
    """
    if not 1 <= bits <= MAX_BITS:
        raise UsageError(
            f"a code of {bits} bits is not possible: the length must be from 1 to {MAX_BITS}",
            "use --bits 64",
        )
    return bits


def code_bytes(bits: int) -> int:
    """Bytes that a code of `bits` bits occupies: ceil(bits / 8)."""
    return (bits + 7) // 8


def binarise(activations: Float[np.ndarray, "*n bits"]) -> Bool[np.ndarray, "*n bits"]:
    """The bits of real activations: `activation > 0`."""
    return activations > 0


def pack(bits: Bool[np.ndarray, "*n bits"]) -> UInt8[np.ndarray, "*n bytes"]:
    """Bits as codes, most significant bit first, the last byte padded with zeros."""
    return np.packbits(bits, axis=-1, bitorder=BIT_ORDER)


def unpack(codes: UInt8[np.ndarray, "*n bytes"], bits: int) -> Bool[np.ndarray, "*n bits"]:
    """The first `bits` bits of each code, undoing `pack`."""
    return np.unpackbits(codes, axis=-1, count=bits, bitorder=BIT_ORDER).astype(bool)


def encode(activations: Float[np.ndarray, "*n bits"]) -> UInt8[np.ndarray, "*n bytes"]:
    """Activations as packed codes: `pack(binarise(activations))`."""
    return pack(binarise(activations))


def padding_is_zero(codes: UInt8[np.ndarray, "*n bytes"], bits: int) -> bool:
    """Whether the bits after the first `bits` of every code are zero, as the format demands."""
    padding = codes.shape[-1] * 8 - bits
    return not padding or not (codes[..., -1] & ((1 << padding) - 1)).any()


def without_padding(
    codes: UInt8[np.ndarray, "*n bytes"], bits: int
) -> UInt8[np.ndarray, "*n bytes"]:
    """The codes with zeros after the first `bits` of each."""
    cleared = codes.copy()
    cleared[..., -1] &= (0xFF << (codes.shape[-1] * 8 - bits)) & 0xFF
    return cleared


def popcount(codes: UInt8[np.ndarray, "*n bytes"]) -> UInt16[np.ndarray, "*n"]:
    """Ones in each code."""
    return np.bitwise_count(codes).sum(axis=-1, dtype=np.uint16)


def hamming(
    queries: UInt8[np.ndarray, "queries bytes"], gallery: UInt8[np.ndarray, "gallery bytes"]
) -> UInt16[np.ndarray, "queries gallery"]:
    """Hamming distance, in bits, of every query to every code of the gallery.

    Written for clarity and for comparison: it holds queries x gallery x bytes at once.
    """
    return popcount(queries[:, None, :] ^ gallery[None, :, :])


def asymmetric_distance(
    activations: Float[np.ndarray, "bits"], codes: UInt8[np.ndarray, "n bytes"]
) -> Float64[np.ndarray, "n"]:
    """Sum of the query's |activation| over the bits in which a code differs from its own.

    A bit that the query is sure of counts more than one that it might as well have set the other
    way. The order is that of the inner product of the activations with codewords (Gordo,
    Perronnin, Gong and Lazebnik, "Asymmetric distances for binary embeddings", TPAMI 2014).
    """
    different = unpack(codes ^ encode(activations), len(activations))
    return different @ np.abs(activations).astype(np.float64)


def as_words(codes: UInt8[np.ndarray, "n bytes"]) -> np.ndarray:
    """Codes as uint64 [n words], the last word filled with zeros."""
    words = np.zeros((len(codes), -(-codes.shape[1] // 8) * 8), np.uint8)
    words[:, : codes.shape[1]] = codes
    return words.view(np.uint64)
