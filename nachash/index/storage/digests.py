"""What proves that a chunk is the one that was written, and stands where it was written.

XXH3 tells damage from what was written, at the speed of memory. It is no signature: who means to
deceive can compute it, too.
"""

from typing import Final, TypeAlias

import numpy as np
import xxhash

from nachash.shapes import UInt8

SIZE: Final = 16  # bytes of a digest

Content: TypeAlias = bytes | memoryview | np.ndarray


def digest(name: str, position: int, content: Content) -> bytes:
    """XXH3-128 of a data set's name, the number of a chunk in it, and the chunk."""
    found = xxhash.xxh3_128(f"{name}\0{position}\0".encode())
    found.update(content.data if isinstance(content, np.ndarray) else content)
    return found.digest()


def digests(
    name: str, first: int, content: UInt8[np.ndarray, "bytes"], size: int
) -> UInt8[np.ndarray, "chunks digest"]:
    """The digests of consecutive chunks of `size` bytes, of which `first` is the number of one."""
    view = content.data
    found = b"".join(
        digest(name, first + number, view[at : at + size])
        for number, at in enumerate(range(0, len(view), size))
    )
    return np.frombuffer(found, np.uint8).reshape(-1, SIZE)


def text_hash(text: bytes) -> int:
    """XXH3-64 of a path; two paths may share it, so it finds candidates only."""
    return xxhash.xxh3_64_intdigest(text)
