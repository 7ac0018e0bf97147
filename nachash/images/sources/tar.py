"""A tar archive, compressed or not; members are read where they lie and never extracted."""

import bz2
import gzip
import io
import lzma
import tarfile
import tempfile
import threading
import weakref
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any, Final, final

from PIL import Image

from nachash.errors import DamagedError, ImageError, MissingError, StorageError
from nachash.images.byte_stream import ByteStream
from nachash.images.decoding.formats import (
    SIGNATURE_BYTES,
    has_image_signature,
    has_image_suffix,
    opened,
    opened_file,
)
from nachash.images.limits import ARCHIVE_BYTES, HELD_BYTES, MAX_BYTES, archive_bytes
from nachash.images.sources.member import check_ratio, is_hidden, leads_outside
from nachash.images.sources.regular_file import trouble
from nachash.images.sources.times import nanoseconds
from nachash.records import Reference, Skipped

_DECOMPRESSORS: Final = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))
SUFFIXES: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_LABEL_BYTES: Final = 64
_HEADER_BYTES: Final = 16 << 20
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
            ImageError: see `formats.opened` and `stream`.
        """
        if reference.size > HELD_BYTES:
            return opened_file(reference.size, partial(self.stream, reference))
        try:
            offset = self.offsets[reference.path]
            return opened(_read(self.archive, self.lock, offset, reference.size))
        except OSError as error:
            raise ImageError(trouble(error)) from error

    def stream(self, reference: Reference) -> ByteStream:
        """The bytes of a member.

        Raises:
            ImageError: it is too large.
        """
        if reference.size > MAX_BYTES:
            raise ImageError(f"file too large: {reference.size} bytes")
        offset = self.offsets[reference.path]
        member = _Member(self.archive, self.lock, offset, reference.size)
        return io.BufferedReader(member, 1 << 20)


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
        lock, found = threading.Lock(), _Found()
        for member in _members(archive, location):
            found.add(member, archive, lock)
        images = Tar(
            location,
            tuple(found.references.values()),
            tuple(found.skipped.values()),
            archive,
            found.offsets,
            lock,
            _labels(archive, found, lock),
        )
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
                return _unpacked(location, plain, contents)
    return plain


def _unpacked(
    location: str, packed: IO[bytes], contents: gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile
) -> IO[bytes]:
    temporary = tempfile.TemporaryFile(prefix="nachash-")  # noqa: SIM115 (closed with the source)
    try:
        while part := contents.read(1 << 20):
            temporary.write(part)
            _check_expansion(location, temporary.tell(), packed.tell())
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
    except BaseException:
        temporary.close()
        raise
    return temporary


def _check_expansion(location: str, size: int, packed: int) -> None:
    hint = "raise that limit if the archive comes from someone you trust, or unpack it yourself"
    if size > archive_bytes():
        raise StorageError(
            f"{location} unpacks to more than the {archive_bytes() / 1e9:g} GB of ${ARCHIVE_BYTES}",
            hint,
        )
    if size > HELD_BYTES:
        try:
            check_ratio(size, packed)
        except ImageError as error:
            raise StorageError(f"{location} {error.sentence}", hint) from error


@dataclass(slots=True)
class _Found:
    """What an archive holds: images, what could not be one, and places of bytes by path."""

    references: dict[str, Reference] = field(default_factory=dict)
    skipped: dict[str, Skipped] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    labels: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, member: tarfile.TarInfo, archive: IO[bytes], lock: threading.Lock) -> None:
        """Take up a member."""
        if member.name.endswith(".cls") and member.isreg() and member.size <= _LABEL_BYTES:
            key = member.name.removeprefix("./").removesuffix(".cls")
            self.labels[key] = member.offset_data, member.size
        path = member.name.removeprefix("./")
        if is_hidden(path):
            return
        if unusual := _unusual(member) or (has_image_suffix(path) and leads_outside(path)):
            self.skipped[path] = Skipped(path, unusual)
        elif not leads_outside(path) and _is_image(archive, lock, member):
            self.references[path] = Reference(path, member.size, nanoseconds(member.mtime))
            self.offsets[path] = member.offset_data


def _labels(archive: IO[bytes], found: _Found, lock: threading.Lock) -> dict[str, str]:
    """The label of each image beside which a `.cls` lies."""
    labels = {}
    for path in found.references:
        folder, separator, name = path.rpartition("/")
        place = found.labels.get(f"{folder}{separator}{name.partition('.')[0]}")
        if place is not None:
            labels[path] = _read(archive, lock, *place).decode("utf-8", "replace").strip()
    return labels


def _members(archive: IO[bytes], location: str) -> Iterator[tarfile.TarInfo]:
    """All members but folders; none is kept.

    Raises:
        DamagedError: the archive is cut off, or leads back to what was read already.
    """
    begin = end = 0
    try:
        with tarfile.open(
            fileobj=_Headers(archive),  # type: ignore[call-overload]
            mode="r:",
            errors="surrogateescape",
        ) as headers:
            while (member := headers.next()) is not None:
                headers.members.clear()
                if member.size < 0 or member.offset_data <= begin:
                    raise tarfile.ReadError("a member of a negative size")
                begin, end = member.offset_data, member.offset_data + member.size
                if not member.isdir():
                    yield member
        if end > archive.seek(0, 2):
            raise EOFError("its end is missing")
    except (OSError, *_DAMAGE) as error:
        raise _damaged(location, error) from error


@dataclass(frozen=True, slots=True)
class _Headers:
    """The archive as `tarfile` reads it: headers only, of which none is as large as a file."""

    archive: IO[bytes]

    def read(self, count: int) -> bytes:
        if not 0 <= count <= _HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {count} bytes")
        return self.archive.read(count)

    def tell(self) -> int:
        return self.archive.tell()

    def seek(self, position: int, whence: int = 0) -> int:
        return self.archive.seek(position, whence)


@final
class _Member(io.RawIOBase):
    """The bytes of a member, read where they lie, from any thread."""

    def __init__(self, archive: IO[bytes], lock: threading.Lock, offset: int, size: int) -> None:
        self._archive, self._lock = archive, lock
        self._offset, self._left = offset, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = _read(self._archive, self._lock, self._offset, min(len(buffer), self._left))
        buffer[: len(found)] = found
        self._offset += len(found)
        self._left -= len(found)
        return len(found)


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
