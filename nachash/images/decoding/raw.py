"""Raw files of cameras, whose pixels are not a picture yet; read is the preview inside them.

Most are TIFF files that begin with a thumbnail, which a reader of TIFF takes for the picture.
"""

import io
from typing import Any, Final

from PIL import Image

from nachash.errors import ImageError
from nachash.extras import missing_package
from nachash.images.decoding import examination

SUFFIXES: Final = frozenset(
    f".{suffix}"
    for names in (
        "3fr arw cr2 cr3 crw dcr dng erf iiq kdc mef mos",
        "mrw nef nrw orf pef raf rw2 sr2 srf srw x3f",
    )
    for suffix in names.split()
)
_SIGNATURES: Final = (
    (0, b"FUJIFILMCCD-RAW"),
    (0, b"IIRO"),
    (0, b"IIRS"),
    (0, b"MMOR"),
    (0, b"IIU\0"),
    (0, b"\0MRM"),
    (0, b"FOVb"),
    (4, b"ftypcrx"),
    (6, b"HEAPCCDR"),
    (8, b"CR\2\0"),
)
_SMALL: Final = 640  # pixels; a shorter preview than this and half the picture is a thumbnail

_SUBFILE, _PHOTOMETRIC, _PARTS, _DNG = 254, 262, 330, 50706  # tags of TIFF
_SENSOR: Final = (32803, 34892)  # kinds of pixels that only a sensor has


def is_raw(first_bytes: bytes) -> bool:
    """Whether a file is a camera's raw file; the more of it is given, the surer."""
    if any(first_bytes.startswith(text, place) for place, text in _SIGNATURES):
        return True
    if not first_bytes.startswith((b"II*\0", b"MM\0*")):
        return False
    tags = examination.first_tags(first_bytes)
    thumbnail = tags.get(_SUBFILE, (0,))[0] & 1 and _PARTS in tags
    return bool(thumbnail or _DNG in tags or tags.get(_PHOTOMETRIC, (0,))[0] in _SENSOR)


def require_reader() -> Any:
    """The library that reads them.

    Raises:
        ImageError: it is not installed.
    """
    try:
        import rawpy
    except ImportError as error:
        missing = missing_package(error)
        told = f"{missing.sentence}: {missing.hint}" if missing else "rawpy is not installed"
        raise ImageError(f"a camera's raw file: {told}") from error
    return rawpy


def preview(file: Any) -> Image.Image:
    """The largest picture inside a raw file, opened and not yet decoded.

    Raises:
        ImageError: the library is not installed, or there is but a thumbnail.
    """
    rawpy = require_reader()
    try:
        with rawpy.imread(file) as raw:
            whole = max(raw.sizes.width, raw.sizes.height)
            found = raw.extract_thumb()
    except rawpy.LibRawError as error:
        raise ImageError(f"a camera's raw file without a preview: {_text(error)}"[:120]) from error
    if found.format == rawpy.ThumbFormat.JPEG:
        image: Image.Image = Image.open(io.BytesIO(found.data), formats=["JPEG"])
    else:
        image = Image.fromarray(found.data)
    if max(image.size) < min(_SMALL, whole // 2):
        raise ImageError(
            f"a camera's raw file with a preview of only {image.width} x {image.height} pixels"
        )
    image.info["raw"] = True
    return image


def _text(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
