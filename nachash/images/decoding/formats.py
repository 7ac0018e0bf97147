"""Which files are images, and their headers; the allow-list of formats.

Only these formats are opened, each by its own Pillow class and chosen by the first bytes: a
wrong suffix does no harm, an exotic parser is never reached, and Pillow's process-wide switches
are neither needed nor touched.
"""

import functools
import importlib
import io
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Final

from PIL import Image

from nachash.errors import ImageError
from nachash.extras import missing_package
from nachash.images.decoding import apart, png, raw
from nachash.images.decoding.examination import checked_pixels, examined
from nachash.images.decoding.quiet import quiet
from nachash.images.limits import HELD_BYTES

SIGNATURE_BYTES: Final = 64

SUFFIXES: Final = frozenset(
    f".{suffix}"
    for names in (
        "jpg jpeg jpe jfif mpo png apng gif bmp dib",
        "tif tiff webp avif heic heif hif ppm pgm pbm pnm pfm",
    )
    for suffix in names.split()
)

# Pictures all the same: who lists a folder says that they are there, and not read.
_UNREAD: Final = {
    ".jp2": "JPEG 2000",
    ".j2k": "JPEG 2000",
    ".jpf": "JPEG 2000",
    ".jpx": "JPEG 2000",
    ".jxl": "JPEG XL",
    ".jxr": "JPEG XR",
    ".wdp": "JPEG XR",
    ".psd": "Photoshop",
    ".psb": "Photoshop",
    ".xcf": "GIMP",
    ".tga": "Targa",
    ".exr": "OpenEXR",
    ".hdr": "Radiance",
    ".dds": "DirectDraw",
    ".pcx": "PCX",
    ".ico": "Windows icon",
    ".svg": "SVG",
}

_PPM: Final = tuple(bytes((80, kind, space)) for kind in b"123456f" for space in b" \t\r\n")

_HEIF_MODULE: Final = "pillow_heif.as_plugin"
_HEIF: Final = frozenset(
    b"heic heix heim heis hevc hevx hevm hevs mif1 msf1 heif miaf MiHE MiHB".split()
)
_AVIF: Final = frozenset(b"avif avis".split())

# position, what stands there, Pillow's module and class
_SIGNATURES: Final = (
    (0, (b"\xff\xd8\xff",), "JpegImagePlugin", "JpegImageFile"),
    (0, (b"\x89PNG\r\n\x1a\n",), "PngImagePlugin", "PngImageFile"),
    (0, (b"GIF87a", b"GIF89a"), "GifImagePlugin", "GifImageFile"),
    (0, (b"BM",), "BmpImagePlugin", "BmpImageFile"),
    (0, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TiffImagePlugin", "TiffImageFile"),
    (8, (b"WEBPVP8",), "WebPImagePlugin", "WebPImageFile"),
    (0, _PPM, "PpmImagePlugin", "PpmImageFile"),
)


def has_image_suffix(path: str) -> bool:
    """Whether a file's name alone says that it is an image."""
    suffix = PurePath(path).suffix.lower()
    return suffix in SUFFIXES or suffix in raw.SUFFIXES


def unread(path: str) -> str:
    """The format that a file's name says, of those that are pictures and not read; else empty."""
    return _UNREAD.get(PurePath(path).suffix.lower(), "")


def has_image_signature(first_bytes: bytes) -> bool:
    """Whether a file that begins with these (64) bytes is taken as an image.

    Stricter than what is opened: the two letters of a BMP are also the beginning of many texts,
    so its reserved bytes must be zero as well.
    """
    if first_bytes.startswith(b"BM"):
        return first_bytes[6:10] == b"\0\0\0\0"
    return _plugin(first_bytes) is not None or raw.is_raw(first_bytes)


def is_known(contents: bytes) -> bool:
    """Whether bytes begin as a file of a format that is opened."""
    return _plugin(contents[:SIGNATURE_BYTES]) is not None or raw.is_raw(contents)


def opened(contents: bytes) -> Image.Image:
    """The image that a file's contents hold: header read, pixels not yet.

    Raises:
        ImageError: not an image, damaged header, or more than `MAX_PIXELS` pixels.
    """
    if not contents:
        raise ImageError("empty file")
    if raw.is_raw(contents):
        raw.require_reader()
        return apart.Apart(lambda: io.BytesIO(contents), None)
    plugin = _plugin(contents[:SIGNATURE_BYTES])
    if plugin is None:
        raise ImageError("not an image")
    if plugin[0] == _HEIF_MODULE:
        _factory(*plugin)  # says what to install, before a process is started for nothing
    if contents.startswith(png.SIGNATURE):
        contents = png.lean(io.BytesIO(contents)).getvalue()
    cost = examined(contents)
    if cost.plain:
        return opened_here(io.BytesIO(contents))
    return apart.Apart(lambda: io.BytesIO(contents), cost.memory)


def opened_file(size: int, stream: apart.Stream) -> Image.Image:
    """The image in a file of so many bytes, which is read into memory only if it is small.

    Raises:
        ImageError: as `opened`, and what `stream` raises.
    """
    if size > HELD_BYTES:
        return apart.Apart(stream, None)
    with stream() as file:
        return opened(file.read(size))


def opened_here(file: Any) -> Image.Image:
    """The image in a file, opened in this process whatever it may cost.

    Raises:
        ImageError: as `opened`.
    """
    first = file.read(HELD_BYTES)
    file.seek(0)
    reader = raw.preview if raw.is_raw(first) else _reader(first)
    with quiet:
        try:
            image = reader(png.lean(file))
        except Exception as error:  # Pillow's parsers raise whatever a damaged header leads to
            raise ImageError(reason(error)) from error
    return within_limits(image)


def within_limits(image: Image.Image) -> Image.Image:
    """The image itself, when it is not too large to be decoded.

    Raises:
        ImageError: more than `MAX_PIXELS` pixels.
    """
    checked_pixels(*image.size)
    return image


def reason(error: BaseException) -> str:
    """What went wrong inside Pillow, in a few words."""
    if isinstance(error, ImageError):
        return error.sentence
    if isinstance(error, MemoryError):
        return "not enough memory"
    message = " ".join(str(error).split())
    if isinstance(error, EOFError) or "truncated" in message.lower():
        return "truncated"
    return f"damaged: {message or type(error).__name__}"[:120]


def _reader(first_bytes: bytes) -> Callable[[Any], Image.Image]:
    plugin = _plugin(first_bytes[:SIGNATURE_BYTES])
    if plugin is None:
        raise ImageError("not an image")
    return _factory(*plugin)


def _plugin(first_bytes: bytes) -> tuple[str, str] | None:
    for position, signatures, module, name in _SIGNATURES:
        if first_bytes.startswith(signatures, position):
            return module, name
    brands = _brands(first_bytes)
    if brands & _AVIF:
        return "AvifImagePlugin", "AvifImageFile"
    return (_HEIF_MODULE, "HeifImageFile") if brands & _HEIF else None


def _brands(first_bytes: bytes) -> frozenset[bytes]:
    """What an ISO file says that it is: its major brand, and those that it is compatible with."""
    if first_bytes[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(first_bytes[:4]), len(first_bytes))
    return frozenset(first_bytes[at : at + 4] for at in (8, *range(16, end - 3, 4)))


@functools.cache
def _factory(module: str, name: str) -> Callable[[Any], Image.Image]:
    """The class for a format; that for HEIC comes from another package.

    Raises:
        ImageError: the package is not installed.
    """
    if module != _HEIF_MODULE:
        return getattr(importlib.import_module(f"PIL.{module}"), name)
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        if missing := missing_package(error):
            raise ImageError(f"{missing.sentence}: {missing.hint}") from error
        raise
