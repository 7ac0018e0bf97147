"""Pictures and archives that mean harm: tiny, the same at every call, each one idea.

`PICTURES` are small files that ask for much memory or time; `archives(folder)` writes archives
that do. What must happen to each: it is decoded, or skipped with a reason, within the limits of
`nachash.images.limits`.
"""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

MEMBER = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU"
    b"\0\0\0\nIDATx\x9cc`\0\0\0\x02\0\x01H\xaf\xa4q\0\0\0\0IEND\xaeB`\x82"
)


def png(width: int, height: int, depth: int, colours: int, between: bytes = b"") -> bytes:
    """A black PNG; `between` its header and its pixels."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colours]
    row = b"\0" + bytes(-(-width * samples * depth // 8))
    packer = zlib.compressobj(1)
    pixels = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0))
    palette = _chunk(b"PLTE", bytes(3)) if colours == 3 else b""
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            head,
            palette,
            between,
            _chunk(b"IDAT", pixels),
            _chunk(b"IEND", b""),
        ]
    )


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """A progressive JPEG that refines the same nothing again and again."""
    buffer = io.BytesIO()
    Image.new("L", (side, side), 128).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * scans + b"\xff\xd9"


def jpeg_of_segments(count: int) -> bytes:
    """A JPEG with many empty segments before its picture."""
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "JPEG")
    data = buffer.getvalue()
    return data[:2] + b"\xff\xed\x00\x02" * count + data[2:]


def gif_of_comments(count: int) -> bytes:
    """A GIF with a comment in many parts of one byte."""
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "GIF")
    data = buffer.getvalue()
    start = data.index(b"\x2c")
    return data[:start] + b"\x21\xfe" + b"\x01x" * count + b"\0" + data[start:]


def bmp_of_runs(width: int, height: int, run: bytes) -> bytes:
    """A BMP whose run lengths are decoded in Python."""
    body = run + b"\0\1"
    offset = 54 + 1024
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 0, 0, 256, 0)
    return (
        b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset) + head + bytes(1024) + body
    )


def ppm(width: int, height: int, white: int) -> bytes:
    """A PPM that Pillow scales value by value in Python, unless white is 255."""
    return b"P6 %d %d %d\n" % (width, height, white) + bytes(3 * width * height)


def webp_canvas(width: int, height: int) -> bytes:
    """A WebP that says how large it is, and nothing more."""
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + sizes
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def tiff(entries: list[tuple[int, int, int, int]], body: bytes = b"", following: int = 0) -> bytes:
    """A TIFF of one page: (tag, type, count, value or place) each; the body begins at 8."""
    place = 8 + len(body)
    page = struct.pack("<H", len(entries))
    page += b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0" + struct.pack("<I", place) + body + page + struct.pack("<I", following)


def tiff_of_one_tile(side: int, tile: int) -> bytes:
    """A small TIFF in a tile far larger than itself, of zeros."""
    packer = zlib.compressobj(9)
    row = bytes(tile)
    body = b"".join([*(packer.compress(row) for _ in range(tile)), packer.flush()])
    longs = {256: side, 257: side, 322: tile, 323: tile, 324: 8, 325: len(body)}
    shorts = {258: 8, 259: 8, 262: 1, 277: 1}
    entries = [(tag, 4, 1, value) for tag, value in longs.items()]
    return tiff([*entries, *((tag, 3, 1, value) for tag, value in shorts.items())], body)


def tiff_of_overlaps(tags: int, size: int) -> bytes:
    """A TIFF of many tags, each with the same long value."""
    entries = [(1000 + number, 7, size, 8) for number in range(tags)]
    return tiff([(256, 4, 1, 8), (257, 4, 1, 8), *entries], bytes(size))


def tiff_in_a_circle() -> bytes:
    """A TIFF whose page leads to itself."""
    return tiff([(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8)], following=8)


PICTURES: dict[str, Callable[[], bytes]] = {
    "grey16.png": lambda: png(10_000, 10_000, 16, 0),
    "rgb16.png": lambda: png(10_000, 10_000, 16, 2),
    "rgba.png": lambda: png(13_000, 13_000, 8, 6),
    "palette.png": lambda: png(13_300, 13_300, 1, 3),
    "wide.png": lambda: png(178_000_000, 1, 8, 0),
    "chunks.png": lambda: png(8, 8, 8, 0, _chunk(b"teSt", b"") * 300_000),
    "scans_400.jpg": lambda: jpeg_of_scans(6000, 400),
    "scans_1500.jpg": lambda: jpeg_of_scans(2000, 1500),
    "segments.jpg": lambda: jpeg_of_segments(500_000),
    "comments.gif": lambda: gif_of_comments(500_000),
    "runs.bmp": lambda: bmp_of_runs(13_000, 13_000, b"\xff\0" * 60_000),
    "deltas.bmp": lambda: bmp_of_runs(170_000_000, 1, b"\0\2\0\xff" * 1000),
    "scaled.ppm": lambda: ppm(1500, 1500, 254),
    "canvas.webp": lambda: webp_canvas(16_000, 11_000),
    "tile.tif": lambda: tiff_of_one_tile(16, 32_000),
    "overlaps.tif": lambda: tiff_of_overlaps(60_000, 1 << 20),
    "circle.tif": tiff_in_a_circle,
}


def archives(folder: Path, megabytes: int = 300) -> list[Path]:
    """Write archives that expand too far, never end, or say what cannot be."""
    _zip_bomb(folder / "bomb.zip", megabytes)
    for name, opened in (
        ("bomb.tar.xz", lzma.open),
        ("bomb.tar.gz", gzip.open),
        ("bomb.tar.bz2", bz2.open),
    ):
        with opened(folder / name, "wb") as file:
            file.write(tar_header(b"a.png", b"%011o\0" % (megabytes << 20)))
            for _ in range(megabytes):
                file.write(bytes(1 << 20))
    for name, size in (
        ("negative.tar", b"\xff" + (2**88 - 512).to_bytes(11, "big")),
        ("backwards.tar", b"\xff" + (2**88 - 1024).to_bytes(11, "big")),
    ):
        first = tar_header(b"x.txt", b"%011o\0" % 0)
        (folder / name).write_bytes(first + tar_header(b"a.png", size) + bytes(2048))
    with (folder / "long_name.tar").open("wb") as file:
        file.write(tar_header(b"././@LongLink", b"%011o\0" % (4 << 30), b"L"))
        file.truncate(5 << 30)
    for number, mtime in enumerate(("inf", "nan", "-1e30", "1e30")):
        _pax(folder / f"mtime_{number}.tar", {"mtime": mtime})
    _pax(folder / "size.tar", {"size": "999999999999999"})
    _pax(folder / "size_below_zero.tar", {"size": "-100"})
    return sorted(folder.iterdir())


def empty_members(file: Path, count: int) -> None:
    """Write a zip archive of many empty pictures."""
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(count):
            archive.writestr(f"d/{number:07d}.png", b"")


def tar_header(name: bytes, size: bytes, kind: bytes = b"0") -> bytes:
    """The header of a member, its size as it is written there."""
    head = bytearray(512)
    head[0 : len(name)] = name
    head[100:136] = b"0000644\0" + b"0000000\0" * 2 + size
    head[136:157] = b"00000000000\0" + b" " * 8 + kind
    head[257:265] = b"ustar\x0000"
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def _zip_bomb(file: Path, megabytes: int) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.png", MEMBER)
        with archive.open("bomb.png", "w") as member:
            member.write(b"\x89PNG\r\n\x1a\n")
            for _ in range(megabytes):
                member.write(bytes(1 << 20))


def _pax(file: Path, headers: dict[str, str]) -> None:
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, pax in (("a.png", {}), ("b.png", headers)):
            member = tarfile.TarInfo(name)
            member.size, member.pax_headers = len(MEMBER), pax
            archive.addfile(member, io.BytesIO(MEMBER))


if __name__ == "__main__":
    import sys

    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    archives(target)
    empty_members(target / "empty_members.zip", 300_000)
    for name, made in PICTURES.items():
        (target / name).write_bytes(made())
