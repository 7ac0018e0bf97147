"""A zip archive; members are read where they lie and never extracted."""

import datetime as dt
import stat
import weakref
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO, Final

from PIL import Image

from nachash.errors import DamagedError, ImageError, MissingError
from nachash.images.byte_stream import ByteStream
from nachash.images.decoding.formats import (
    SIGNATURE_BYTES,
    has_image_signature,
    has_image_suffix,
    opened,
    opened_file,
)
from nachash.images.limits import HELD_BYTES, MAX_BYTES
from nachash.images.sources.member import check_ratio, is_hidden, leads_outside
from nachash.images.sources.regular_file import trouble
from nachash.records import Reference, Skipped

_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,  # also an unknown password
    NotImplementedError,  # a method of compression that Python does not know
)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Zip:
    """An open archive. Closed with the last use of it."""

    root: str
    references: tuple[Reference, ...]
    skipped: tuple[Skipped, ...]
    archive: zipfile.ZipFile
    members: Mapping[str, zipfile.ZipInfo]

    def open(self, reference: Reference) -> Image.Image:
        """The image in a member, header read and pixels not.

        Raises:
            ImageError: see `formats.opened` and `stream`.
        """
        member = self.members[reference.path]
        _check_size(reference, member)
        if reference.size <= HELD_BYTES:
            return opened(_read(self.archive, member, reference.size))
        return opened_file(reference.size, partial(self.stream, reference))

    def stream(self, reference: Reference) -> ByteStream:
        """A member, unpacked while it is read, and never more of it than its header promises.

        Raises:
            ImageError: it is too large, expands too far or cannot be read.
        """
        member = self.members[reference.path]
        _check_size(reference, member)
        try:
            return self.archive.open(member)
        except _DAMAGE as error:
            raise _broken(error) from error


def _check_size(reference: Reference, member: zipfile.ZipInfo) -> None:
    if reference.size > MAX_BYTES:
        raise ImageError(f"file too large: {reference.size} bytes")
    if reference.size > HELD_BYTES:
        check_ratio(reference.size, member.compress_size)


def is_zip(location: str) -> bool:
    """Whether a file ends as a zip archive does."""
    try:
        return zipfile.is_zipfile(location)
    except OSError:
        return False


def source(location: str, contents: IO[bytes] | None = None) -> Zip:
    """A source of the images in an archive, in the archive's order; its root is the archive.

    `contents` is the archive when it does not lie at `location`, as a remote one. Of members of
    one name the last counts. Times of change are those of the archive, taken as UTC.

    Raises:
        MissingError: the archive cannot be opened.
        DamagedError: it is not a zip archive, or is cut off.
    """
    try:
        archive = zipfile.ZipFile(contents or location)
        references, skipped, members = _members(archive)
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
        if contents is not None:
            contents.close()
        raise DamagedError(
            f"{location} is not a zip archive that can be read: {error}",
            "make or fetch the archive again, or unpack what is left of it and name that folder",
        ) from error
    except OSError as error:
        raise MissingError(f"{location} cannot be read: {trouble(error)}") from error
    images = Zip(location, references, skipped, archive, members)
    weakref.finalize(images, _close, archive, contents)
    return images


def _close(archive: zipfile.ZipFile, contents: IO[bytes] | None) -> None:
    archive.close()
    if contents is not None:  # which the archive leaves to whom it belongs
        contents.close()


def _members(
    archive: zipfile.ZipFile,
) -> tuple[tuple[Reference, ...], tuple[Skipped, ...], dict[str, zipfile.ZipInfo]]:
    references: dict[str, Reference] = {}
    skipped: dict[str, Skipped] = {}
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        path = member.filename.removeprefix("./")
        if member.is_dir() or is_hidden(path) or path.startswith("__MACOSX/"):
            continue
        if unusual := _unusual(member) or (_is_named(path) and leads_outside(path)):
            skipped[path] = Skipped(path, unusual)
        elif _is_named(path) or _is_image(archive, member):
            references[path] = Reference(path, member.file_size, _time(member))
            members[path] = member
    return tuple(references.values()), tuple(skipped.values()), members


def _unusual(member: zipfile.ZipInfo) -> str:
    mode = member.external_attr >> 16
    if stat.S_ISLNK(mode):
        return "a link in the archive"
    if mode and stat.S_IFMT(mode) and not stat.S_ISREG(mode):
        return "not a regular file in the archive"
    return "encrypted" if member.flag_bits & 1 else ""


def _is_named(path: str) -> bool:
    return has_image_suffix(path)


def _is_image(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    if leads_outside(member.filename):
        return False
    try:
        return has_image_signature(_read(archive, member, min(SIGNATURE_BYTES, member.file_size)))
    except ImageError:
        return False


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, count: int) -> bytes:
    try:
        with archive.open(member) as file:
            return file.read(count)
    except _DAMAGE as error:
        raise _broken(error) from error


def _broken(error: Exception) -> ImageError:
    reason = trouble(error) if isinstance(error, OSError) else f"damaged: {error}"
    return ImageError(reason[:120])


def _time(member: zipfile.ZipInfo) -> int:
    """Last change in ns since 1970; 0 for a date that does not exist."""
    try:
        return (
            (dt.datetime(*member.date_time, tzinfo=dt.UTC) - _EPOCH)
            // dt.timedelta(microseconds=1)
            * 1000
        )
    except ValueError:
        return 0
