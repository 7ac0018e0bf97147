"""A look at the first bytes of a picture: what decoding it will cost, and whether that is sure.

Decoders of Pillow run in this process and cannot be stopped. So a picture is decoded here only if
it is *plain*: of a common kind whose time and memory follow from its size, with a header that is
read in a moment. Every other one, however good it may be, is decoded apart (`apart`). The look
itself takes bounded time; what it does not understand is not plain, and damage is not its business.
"""

import re
import struct
from dataclasses import dataclass
from typing import Final

from nachash.errors import ImageError
from nachash.images.limits import IMAGE_MEMORY, MAX_PIXELS, image_memory

PLAIN_MEMORY: Final = 256 << 20  # bytes
_PLAIN_WORK: Final = 500_000_000  # pixels times scans of a JPEG; two seconds
_MOST_SCANS: Final = 500  # of a JPEG; programs write ten, and no script of libjpeg's above 100
_STEPS: Final = 20_000  # parts of a header

_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_EASY_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended and progressive Huffman
_EASY_TIFF: Final = frozenset({1, 2, 3, 4, 5, 8, 32773, 32946})  # none, fax, LZW, zip, PackBits
_TIFF_SIZES: Final = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4)
_MARKS: Final = (330, 50706)  # parts and the version of DNG, of whatever type
_TIFF_VALUES: Final = 1 << 16
_PPM: Final = re.compile(
    rb"P([1-6f])\s+(?:#[^\n]{0,200}\n\s*)*(\d{1,9})\s+(\d{1,9})\s+(?:(-?[\d.eE+-]{1,12})\s)?"
)
_RAW_WHITES: Final = {b"5": (b"255", b"65535"), b"6": (b"255",)}
_ISPE: Final = re.compile(rb"ispe.{4}(.{4})(.{4})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes that decoding takes at most, None where nobody knows, and whether it is plain."""

    memory: int | None
    plain: bool = True


_UNKNOWN: Final = Cost(None, plain=False)


def examined(contents: bytes) -> Cost:
    """The cost of a picture of a known format.

    Raises:
        ImageError: it has too many pixels or scans, or needs more memory than is allowed.
    """
    try:
        cost = _of_kind(contents)
    except (struct.error, IndexError):  # cut off, which Pillow can say better
        return _UNKNOWN
    if cost.memory is None:
        return cost
    allowed = image_memory()
    if cost.memory > allowed:
        raise ImageError(
            f"needs {cost.memory / 1e9:.1f} GB of memory to decode, "
            f"above the {allowed / 1e9:g} GB of ${IMAGE_MEMORY}"
        )
    return Cost(cost.memory, plain=cost.plain and cost.memory <= PLAIN_MEMORY)


def checked_pixels(width: int, height: int) -> int:
    """Their product.

    Raises:
        ImageError: it is above `MAX_PIXELS`.
    """
    if width * height > MAX_PIXELS:
        raise ImageError(f"too many pixels: {width} x {height}")
    return width * height


def _of_kind(contents: bytes) -> Cost:
    for signature, kind in (
        (b"\xff\xd8", _jpeg),
        (b"\x89PNG", _png),
        (b"GIF8", _gif),
        (b"BM", _bmp),
        (b"II*\0", _tiff),
        (b"MM\0*", _tiff),
        (b"RIFF", _webp),
        (b"P", _ppm),
    ):
        if contents.startswith(signature):
            return kind(contents)
    return _iso(contents) if contents[4:8] == b"ftyp" else _UNKNOWN


def _jpeg(contents: bytes) -> Cost:
    """All coefficients are kept where there are several scans; else a few rows."""
    position, frame = 2, b""
    for _ in range(_STEPS):
        if contents[position] != 0xFF:
            return _UNKNOWN
        marker = contents[position + 1]
        if marker == 0xDA:
            break
        if marker in (0xFF, 0x01) or 0xD0 <= marker <= 0xD8:  # filling, or no content
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", contents, position + 2)
        if marker in _FRAMES:
            if frame or marker not in _EASY_FRAMES:
                return _UNKNOWN
            frame = contents[position + 4 : position + 2 + length]
        position += 2 + length
    else:
        return _UNKNOWN
    return _jpeg_frame(frame, contents.count(b"\xff\xda", position)) if frame else _UNKNOWN


def _jpeg_frame(frame: bytes, scans: int) -> Cost:
    height, width, components = struct.unpack_from(">HHB", frame, 1)
    pixels = checked_pixels(width, height)
    if scans > _MOST_SCANS:
        raise ImageError(f"too many scans: {scans}")
    sampling = [(each >> 4) * (each & 15) for each in frame[7 : 6 + 3 * components : 3]]
    share = sum(sampling) / max(sampling, default=1) if all(sampling) else components
    memory = pixels // 4 if scans < 2 else int(pixels * (2 * share + 0.25))
    return Cost(memory, plain=pixels * scans <= _PLAIN_WORK)


def _png(contents: bytes) -> Cost:
    length, kind, width, height, depth, colours = struct.unpack_from(">I4sIIBB", contents, 8)
    if (length, kind) != (13, b"IHDR"):
        return _UNKNOWN
    position = 8
    for _ in range(_STEPS):
        if position + 12 > len(contents) or kind == b"IEND":
            break
        length, kind = struct.unpack_from(">I4s", contents, position)
        position += 12 + length
    else:
        return _UNKNOWN
    per_pixel = {0: 2 if depth == 16 else 1, 3: 1}.get(colours, 4)
    return Cost(checked_pixels(width, height) * per_pixel)


def _gif(contents: bytes) -> Cost:
    width, height, flags = struct.unpack_from("<HHB", contents, 6)
    position = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    for _ in range(_STEPS):
        kind = contents[position]
        if kind == 0x2C:
            left, top, across, down = struct.unpack_from("<HHHH", contents, position + 1)
            return Cost(2 * checked_pixels(max(width, left + across), max(height, top + down)))
        if kind == 0x21:
            position += 2
            steps = 0
            while contents[position]:
                position += 1 + contents[position]
                steps += 1
                if steps > _STEPS // 10:
                    return _UNKNOWN
        position += 1
    return _UNKNOWN


def _bmp(contents: bytes) -> Cost:
    (header,) = struct.unpack_from("<I", contents, 14)
    if header < 40:
        width, height, _, bits = struct.unpack_from("<HHHH", contents, 18)
        return Cost(checked_pixels(width, height) * (1 if bits <= 8 else 4))
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", contents, 18)
    if compression not in (0, 3):  # run lengths are decoded in Python
        return _UNKNOWN
    return Cost(checked_pixels(abs(width), abs(height)) * (1 if bits <= 8 else 4))


def _ppm(contents: bytes) -> Cost:
    match = _PPM.match(contents[:1024])
    if match is None:
        return _UNKNOWN
    kind, white = match[1], match[4]
    pixels = checked_pixels(int(match[2]), int(match[3]))
    raw = white in _RAW_WHITES.get(kind, ()) or kind in b"4f"
    if raw or len(contents) <= 1 << 16:  # the others are decoded in Python, value by value
        return Cost(4 * pixels)
    return _UNKNOWN


def _webp(contents: bytes) -> Cost:
    kind = contents[12:16]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(contents[24:27], "little")
        height = 1 + int.from_bytes(contents[27:30], "little")
    elif kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", contents, 21)
        width, height = 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", contents, 26))
    return Cost(17 * checked_pixels(width, height))  # canvas, canvas before, frame, image


def _iso(contents: bytes) -> Cost:
    """AVIF and HEIF: never plain, since a header can lie about what the video inside needs."""
    sizes = [(int.from_bytes(a), int.from_bytes(b)) for a, b in _ISPE.findall(contents[: 1 << 16])]
    pixels = max((checked_pixels(*size) for size in sizes), default=0)
    return Cost(16 * pixels, plain=False) if pixels else _UNKNOWN


def _tiff(contents: bytes) -> Cost:
    order = "<" if contents[:2] == b"II" else ">"
    pages = _tiff_pages(contents, order)
    if not pages:
        return _UNKNOWN

    def value(tag: int, default: int) -> int:
        return pages[0].get(tag, (default,))[0]

    width, height = value(256, 0), value(257, 0)
    pixels = checked_pixels(width, height)
    bits = pages[0].get(258, (1,))
    depth = max(sum(bits), bits[0] * value(277, 1))
    rows = min(value(278, height), height)
    strip = max(width * rows, value(322, 0) * value(323, 0)) * depth // 8
    turned = value(274, 1) != 1  # a TIFF turns itself, whole
    return Cost((8 if turned else 4) * pixels + strip, plain=value(259, 1) in _EASY_TIFF)


def first_tags(contents: bytes) -> dict[int, tuple[int, ...]]:
    """Whole numbers by tag of the first page of a TIFF file; none where it cannot be read."""
    order = "<" if contents[:2] == b"II" else ">"
    try:
        pages = _tiff_pages(contents, order, most=1)
    except (struct.error, IndexError):
        return {}
    return pages[0] if pages else {}


def _tiff_pages(
    contents: bytes, order: str, most: int = _STEPS
) -> list[dict[int, tuple[int, ...]]]:
    """Whole numbers by tag of the first pages; none where there are too many of anything."""
    pages: list[dict[int, tuple[int, ...]]] = []
    (position,) = struct.unpack_from(order + "I", contents, 4)
    left = _STEPS
    while position and len(pages) < most:
        (entries,) = struct.unpack_from(order + "H", contents, position)
        left -= entries + 1
        if left < 0:
            return []
        page: dict[int, tuple[int, ...]] = {}
        for number in range(entries):
            place = position + 2 + 12 * number
            tag, kind, count = struct.unpack_from(order + "HHI", contents, place)
            if tag in _MARKS:
                page[tag] = (1,)
            if kind in (3, 4):
                if count > _TIFF_VALUES:
                    return []
                page[tag] = _tiff_values(contents, order, place + 8, kind, count)
        pages.append(page)
        (position,) = struct.unpack_from(order + "I", contents, position + 2 + 12 * entries)
    return pages


def _tiff_values(contents: bytes, order: str, place: int, kind: int, count: int) -> tuple[int, ...]:
    if count * _TIFF_SIZES[kind] > 4:
        (place,) = struct.unpack_from(order + "I", contents, place)
    count = min(count, 16)
    return struct.unpack_from(f"{order}{count}{'H' if kind == 3 else 'I'}", contents, place) or (0,)
