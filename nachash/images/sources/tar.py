"""A tar archive, compressed or not; members are read where they lie and never extracted."""

import bz2
import gzip
import lzma
import shutil
import tarfile
import tempfile
import threading
import weakref
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Final

from PIL import Image

from nachash.errors import DamagedError, ImageError, MissingError, StorageError
from nachash.images.decoding.formats import (
    MAX_BYTES,
    SIGNATURE_BYTES,
    has_image_signature,
    has_image_suffix,
    opened,
)
from nachash.images.sources.member import is_hidden, leads_outside
from nachash.images.sources.regular_file import trouble
from nachash.images.sources.times import nanoseconds
from nachash.records import Reference, Skipped

_DECOMPRESSORS: Final = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))
SUFFIXES: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_LABEL_BYTES: Final = 64
_DAMAGE: Final = (
    tarfile.TarError,
    gzip.BadGzipFile,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    ValueError,
)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Tar:
    """An open archive: where each member's bytes begin. Closed with the last use of it."""

    root: str
    references: tuple[Reference, ...]
    skipped: tuple[Skipped, ...]
    archive: IO[bytes]
    offsets: Mapping[str, int]
    lock: threading.Lock
    labels: Mapping[str, str]

    def open(self, reference: Reference) -> Image.Image:
        """The image in a member, header read and pixels not.

        Raises:
            ImageError: see `formats.opened` and `contents`.
        """
        return opened(self.contents(reference))

    def contents(self, reference: Reference) -> bytes:
        """The bytes of a member.

        Raises:
            ImageError: it is too large or cannot be read.
        """
        if reference.size > MAX_BYTES:
            raise ImageError(f"file too large: {reference.size} bytes")
        try:
            return _read(self.archive, self.lock, self.offsets[reference.path], reference.size)
        except OSError as error:
            raise ImageError(trouble(error)) from error


def is_tar(location: str) -> bool:
    """Whether a file is a tar archive that can be read from its beginning."""
    try:
        return tarfile.is_tarfile(location)
    except (OSError, *_DAMAGE):
        return False


def source(location: str, contents: IO[bytes] | None = None) -> Tar:
    """A source of the images in an archive, in the archive's order; its root is the archive.

    `contents` is the archive when it does not lie at `location`, as a remote one. Labels are those
    of WebDataset: the text in `KEY.cls` is that of the image `KEY.jpg`.

    A compressed archive is unpacked once into one unnamed temporary file, since its members
    could not be read in any order otherwise. Of members of one name the last counts, as in tar.

    Raises:
        MissingError: the archive cannot be opened.
        DamagedError: it is not a tar archive, or is cut off.
        StorageError: no room for the temporary file.
    """
    archive = _seekable(location, contents or _opened(location))
    try:
        lock = threading.Lock()
        headers = _headers(archive, location)
        references, skipped, offsets = _members(archive, headers, lock)
        labels = _labels(archive, headers, lock, references)
        images = Tar(location, references, skipped, archive, offsets, lock, labels)
    except BaseException:
        archive.close()
        raise
    weakref.finalize(images, archive.close)
    return images


def _opened(location: str) -> IO[bytes]:
    try:
        return open(location, "rb")  # noqa: PTH123 (closed with the source)
    except OSError as error:
        raise MissingError(f"{location} cannot be read: {trouble(error)}") from error


def _seekable(location: str, plain: IO[bytes]) -> IO[bytes]:
    """The archive, uncompressed, as a file that can be read anywhere."""
    signature = plain.read(6)
    plain.seek(0)
    for magic, decompressed in _DECOMPRESSORS:
        if signature.startswith(magic):
            with plain, decompressed(plain) as contents:
                return _unpacked(location, contents)
    return plain


def _unpacked(location: str, contents: gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile) -> IO[bytes]:
    temporary = tempfile.TemporaryFile(prefix="nachash-")  # noqa: SIM115 (closed with the source)
    try:
        shutil.copyfileobj(contents, temporary, 1 << 20)
        temporary.seek(0)
    except _DAMAGE as error:
        temporary.close()
        raise _damaged(location, error) from error
    except OSError as error:
        temporary.close()
        raise StorageError(
            f"{location} cannot be unpacked into {tempfile.gettempdir()}: {trouble(error)}",
            "set TMPDIR to a folder with more room, or unpack the archive yourself",
        ) from error
    return temporary


def _members(
    archive: IO[bytes], headers: Sequence[tarfile.TarInfo], lock: threading.Lock
) -> tuple[tuple[Reference, ...], tuple[Skipped, ...], dict[str, int]]:
    """The images among the members, those that are none, and where the bytes of each begin."""
    references: dict[str, Reference] = {}
    skipped: dict[str, Skipped] = {}
    offsets: dict[str, int] = {}
    for member in headers:
        path = member.name.removeprefix("./")
        if is_hidden(path):
            continue
        if unusual := _unusual(member) or (has_image_suffix(path) and leads_outside(path)):
            skipped[path] = Skipped(path, unusual)
        elif not leads_outside(path) and _is_image(archive, lock, member):
            references[path] = Reference(path, member.size, nanoseconds(member.mtime))
            offsets[path] = member.offset_data
    return tuple(references.values()), tuple(skipped.values()), offsets


def _labels(
    archive: IO[bytes],
    headers: Sequence[tarfile.TarInfo],
    lock: threading.Lock,
    references: Sequence[Reference],
) -> dict[str, str]:
    """The label of each image beside which a `.cls` lies."""
    beside = {
        member.name.removeprefix("./").removesuffix(".cls"): member
        for member in headers
        if member.name.endswith(".cls") and member.isreg() and member.size <= _LABEL_BYTES
    }
    labels = {}
    for reference in references:
        folder, separator, name = reference.path.rpartition("/")
        key = f"{folder}{separator}{name.partition('.')[0]}"
        if (member := beside.get(key)) is not None:
            text = _read(archive, lock, member.offset_data, member.size)
            labels[reference.path] = text.decode("utf-8", "replace").strip()
    return labels


def _headers(archive: IO[bytes], location: str) -> list[tarfile.TarInfo]:
    """Headers of all members but folders; nothing of an archive that is cut off."""
    try:
        with tarfile.open(fileobj=archive, mode="r:", errors="surrogateescape") as headers:
            members = [member for member in headers if not member.isdir()]
    except (OSError, *_DAMAGE) as error:
        raise _damaged(location, error) from error
    last = members[-1] if members else None
    if last is not None and last.offset_data + last.size > archive.seek(0, 2):
        raise _damaged(location, EOFError("its end is missing"))
    return members


def _unusual(member: tarfile.TarInfo) -> str:
    if member.issparse():
        return "a sparse file in the archive"
    if member.issym() or member.islnk():
        return "a link in the archive"
    return "" if member.isreg() else "not a regular file in the archive"


def _is_image(archive: IO[bytes], lock: threading.Lock, member: tarfile.TarInfo) -> bool:
    if has_image_suffix(member.name):
        return True
    count = min(SIGNATURE_BYTES, member.size)
    return has_image_signature(_read(archive, lock, member.offset_data, count))


def _read(archive: IO[bytes], lock: threading.Lock, offset: int, count: int) -> bytes:
    with lock:
        archive.seek(offset)
        return archive.read(count)


def _damaged(location: str, error: Exception) -> DamagedError:
    return DamagedError(
        f"{location} is not a tar archive that can be read to its end: {error}",
        "make or fetch the archive again, or unpack what is left of it and name that folder",
    )
