"""A PNG without what its reader may stumble over: only the chunks that make the picture.

Pillow refuses a picture whose texts are long, whose profile is broken, or one of whose notes has a
wrong checksum, none of which matters for the pixels.
"""

import io
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from nachash.images.limits import HELD_BYTES

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_KEPT: Final = frozenset({b"tRNS", b"acTL", b"fcTL", b"fdAT"})
_CHECKED: Final = frozenset({b"eXIf", b"iCCP", b"iTXt", b"zTXt", b"tEXt"})
_TEXTS: Final = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0", b"Raw profile type APP1\0")
_MOST: Final = 1 << 20  # bytes of a note, also unpacked; Pillow's own limit
_CHUNKS: Final = 20_000  # looked at; a file of more is left to whoever can be stopped

_Span = tuple[int, int]
_Chunk = tuple[int, int, bytes]


def lean(file: Any) -> Any:
    """The file itself where nothing is to be left out, else another that has the same picture."""
    if file.read(8) != SIGNATURE:
        file.seek(0)
        return file
    chunks = [*islice(_chunks(file), _CHUNKS + 1)]
    spans = [*_kept(file, chunks)] if len(chunks) <= _CHUNKS else [(0, 0)]
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if len(spans) == 1:
        return file
    kept = sum(end - start for start, end in spans)
    made: Any = io.BytesIO() if kept <= HELD_BYTES else _on_disk()
    for start, end in spans:
        file.seek(start)
        shutil.copyfileobj(_Part(file, min(end, size) - start), made)
    made.seek(0)
    return made


def _on_disk() -> Any:
    return tempfile.TemporaryFile(prefix="nachash-")


class _Part:
    """So many further bytes of a file."""

    def __init__(self, file: Any, left: int) -> None:
        self._file, self._left = file, left

    def read(self, count: int = -1, /) -> bytes:
        """At most so many bytes."""
        part: bytes = self._file.read(min(count, self._left))
        self._left -= len(part)
        return part


def _kept(file: Any, chunks: Sequence[_Chunk]) -> Iterator[_Span]:
    """Spans of the file to keep, as few as can be; what is not understood is kept as it is."""
    begin = 0
    for start, end, kind in chunks:
        if kind[0] & 0x20 and kind not in _KEPT and not _is_sound(file, start, end, kind):
            if start > begin:
                yield begin, start
            begin = end
    yield begin, file.seek(0, io.SEEK_END)


def _chunks(file: Any) -> Iterator[_Chunk]:
    """Where each whole chunk starts and ends, and its kind."""
    position = len(SIGNATURE)
    size = file.seek(0, io.SEEK_END)
    while True:
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        end = position + 12 + length
        if end > size or kind == b"IEND":
            return
        yield position, end, kind
        position = end


def _is_sound(file: Any, start: int, end: int, kind: bytes) -> bool:
    """Whether a note is one that is looked at, and can be read."""
    if kind not in _CHECKED or end - start > _MOST:
        return False
    file.seek(start + 4)
    content = file.read(end - start - 8)
    if zlib.crc32(content) != int.from_bytes(file.read(4)):
        return False
    note = content[4:]
    if kind in (b"iTXt", b"zTXt", b"tEXt") and not note.startswith(_TEXTS):
        return False
    return kind in (b"eXIf", b"tEXt") or _unpacks(note, kind)


def _unpacks(note: bytes, kind: bytes) -> bool:
    """Whether the packed part of a note, behind its name, can be unpacked and is not too long."""
    _, _, packed = note.partition(b"\0")
    if kind == b"iTXt" and packed[:1] == b"\0":
        return True  # it is not packed
    packed = packed[2:].split(b"\0", 2)[-1] if kind == b"iTXt" else packed[1:]
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(packed, _MOST)
    except zlib.error:
        return False
    return unpacking.eof
