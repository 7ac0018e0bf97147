"""Images at a URL, read through fsspec: a folder, a list, an archive, or one image."""

import datetime as dt
import functools
import posixpath
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, Final

from PIL import Image

from nachash.errors import ImageError, MissingError, StorageError, UsageError
from nachash.extras import missing_package
from nachash.images.byte_stream import ByteStream
from nachash.images.decoding.formats import (
    SIGNATURE_BYTES,
    has_image_signature,
    has_image_suffix,
    opened,
    opened_file,
)
from nachash.images.limits import HELD_BYTES, MAX_BYTES
from nachash.images.sources import tar, zip_archive
from nachash.images.sources.hosts import Hosts
from nachash.images.sources.member import is_hidden, leads_outside
from nachash.images.sources.path_list import paths_in
from nachash.images.sources.regular_file import trouble
from nachash.images.sources.selection import FileSource
from nachash.images.sources.times import UNKNOWN, nanoseconds, within_64_bits
from nachash.records import Reference, Skipped

SCHEMES: Final = ("s3", "gs", "gcs", "https", "http", "memory")
_REQUESTS: Final = 16  # at once
_HOST: Final = re.compile(r"[a-z0-9]+://?[^/]+")


@dataclass(frozen=True, slots=True)
class Remote:
    """Files below a URL; `places` says where the file system has each."""

    root: str
    references: tuple[Reference, ...]
    skipped: tuple[Skipped, ...]
    files: Any
    places: Mapping[str, str]

    def open(self, reference: Reference) -> Image.Image:
        """The image in a file, header read and pixels not.

        Raises:
            ImageError: see `formats.opened` and `stream`.
        """
        try:
            with self.stream(reference) as file:  # its size need not be known
                found = file.read(HELD_BYTES + 1)
        except ImageError:
            raise
        except Exception as error:  # each of fsspec's file systems raises what its library does
            raise _image_error(error) from error
        if len(found) <= HELD_BYTES:
            return opened(bytes(found))
        return opened_file(len(found), partial(self.stream, reference))

    def stream(self, reference: Reference) -> ByteStream:
        """A file, open for reading.

        Raises:
            ImageError: it is too large or cannot be fetched.
        """
        if reference.size > MAX_BYTES:
            raise ImageError(f"file too large: {reference.size} bytes")
        try:
            return self.files.open(self.places[reference.path], "rb")
        except Exception as error:
            raise _image_error(error) from error


class UnreachableError(ImageError):
    """An image whose place gives no answer, so that others there need not be tried."""


def source(location: str, hosts: Hosts | None = None) -> FileSource:
    """The images at a URL; images of a folder are known by their suffixes alone.

    `hosts`: those that a redirect may lead to; None where the user named the URL, which may lead
    anywhere.

    Raises:
        UsageError: a kind of URL that is not read.
        MissingError: there is nothing, it cannot be reached, or fsspec is not installed.
        DamagedError: an archive that is none.
        StorageError: no room for a copy of an archive.
    """
    location = _plain(location)
    files, place = _file_system(location, hosts)
    name = location.partition("?")[0].lower()
    if name.endswith(".zip"):
        return zip_archive.source(location, _fetched(files, place, location))
    if name.endswith(tar.SUFFIXES):
        return tar.source(location, _fetched(files, place, location))
    root = location.rstrip("/")
    if has_image_suffix(name) or _is_image(files, place):
        folder, single = _split(location)
        return _listed(folder, files, {single: _facts(files, place, location)})
    if name.endswith((".txt", ".lst", ".list")):
        with _fetched(files, place, location) as content:
            named = paths_in(content.read(), location)
        return _listed(_split(location)[0], files, _named(named, files, posixpath.dirname(place)))
    return _listed(root, files, _below(files, place, location))


def listed(urls: Sequence[str]) -> FileSource:
    """The pictures at URLs of one host.

    Raises:
        UsageError: they are of several hosts, or some are no URLs.
        MissingError: fsspec is not installed.
    """
    split = [_split(_plain(url)) for url in urls]
    root = posixpath.commonpath([folder for folder, _ in split])
    if not _HOST.match(root):
        raise UsageError(
            f"the list has URLs of several hosts, or URLs and files: {urls[0]} and others",
            "a list for each host, and one for the files",
        )
    root = root.replace(":/", "://", 1)
    files, place = _file_system(root, None)
    paths = [f"{folder}/{name}".removeprefix(f"{root}/") for folder, name in split]
    return _listed(root, files, _named(paths, files, place.rstrip("/")))


def _plain(location: str) -> str:
    """A URL with its scheme in small letters, and without the part that no server sees."""
    scheme, _, rest = location.partition("://")
    plain = f"{scheme.lower()}://{rest}"
    return plain.partition("#")[0] if plain.startswith("http") else plain


def _split(location: str) -> tuple[str, str]:
    """A URL as its folder and the name in it, which a query belongs to."""
    place, mark, query = location.partition("?")
    folder, _, name = place.rstrip("/").rpartition("/")
    return folder, f"{name}{mark}{query}"


def _is_image(files: Any, place: str) -> bool:
    """Whether the first bytes at a place are those of an image, whatever its name."""
    try:
        with files.open(place, "rb") as file:
            return has_image_signature(file.read(SIGNATURE_BYTES))
    except Exception:  # noqa: BLE001 (a folder, or nothing: whoever lists it says why)
        return False


def single(location: str, hosts: Hosts | None = None) -> Image.Image:
    """The image at a URL, whatever its name; `hosts` as in `source`.

    Raises:
        UsageError, MissingError: see `source`.
        ImageError: see `Remote.open`.
    """
    files, place = _file_system(location, hosts)
    reference = Reference(location, 0, 0)
    return Remote("", (reference,), (), files, {location: place}).open(reference)


def absent(location: str, paths: Sequence[str], hosts: Hosts) -> list[bool | str]:
    """Whether each file below a URL is not there; the reason where that cannot be told.

    Raises:
        UsageError, MissingError: see `source`.
    """
    files, place = _file_system(location, hosts)

    def asked(path: str) -> bool | str:
        try:
            files.info(f"{place.rstrip('/')}/{path}")
        except FileNotFoundError as error:  # which fsspec makes of every failure over HTTP
            cause = error.__cause__ or error
            return _is_absence(cause) or _reason(cause)
        except Exception as error:  # noqa: BLE001 (each file system raises what its library does)
            return _reason(error)
        return False

    with ThreadPoolExecutor(_REQUESTS) as threads:
        return list(threads.map(asked, paths))


def _is_absence(error: BaseException) -> bool:
    return isinstance(error, FileNotFoundError) or getattr(error, "status", 0) in (404, 410)


@functools.lru_cache(8)
def _confined(hosts: Hosts) -> Any:
    """What makes aiohttp follow no redirect to a host that was not named."""
    import aiohttp

    async def redirected(_session: Any, _context: Any, told: Any) -> None:
        answer = told.response
        place = answer.headers.get("Location") or answer.headers.get("URI") or ""
        hosts.require(str(answer.url.join(type(answer.url)(place))))

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(redirected)
    return trace


def _file_system(location: str, hosts: Hosts | None) -> tuple[Any, str]:
    scheme = location.partition("://")[0]
    if scheme not in SCHEMES or "::" in location:
        raise UsageError(
            f"{location} is not a kind of URL that is read: {', '.join(SCHEMES[:-1])}",
            "name a folder, or a URL such as s3://bucket/folder",
        )
    try:
        from fsspec.core import url_to_fs

        if hosts is None or not scheme.startswith("http"):
            return url_to_fs(location)
        return url_to_fs(location, client_kwargs={"trace_configs": [_confined(hosts)]})
    except ImportError as error:
        raise missing_package(error) or _unreachable(location, error) from error
    except Exception as error:
        raise _unreachable(location, error) from error


def _below(files: Any, place: str, location: str) -> dict[str, Mapping[str, Any]]:
    """Every file with the suffix of an image below a place, by its path there."""
    try:
        files.ls(place, detail=False)  # unlike `find`, it says when nobody answers
        found = files.find(place, detail=True)
    except Exception as error:
        raise _unreachable(location, error) from error
    if not found:
        raise MissingError(f"there is nothing at {location}", "name a folder, a list or an archive")
    prefix = place.rstrip("/") + "/"
    below = {
        name.removeprefix(prefix): facts
        for name, facts in sorted(found.items())
        if name.startswith(prefix)
    }
    images = {path: facts for path, facts in below.items() if has_image_suffix(path)}
    return _with_sizes(images, files)


def _with_sizes(found: dict[str, Mapping[str, Any]], files: Any) -> dict[str, Mapping[str, Any]]:
    """Facts with the sizes that a listing of HTTP leaves out; several are asked for at once."""

    def asked(facts: Mapping[str, Any]) -> Mapping[str, Any]:
        if facts.get("size") is not None:
            return facts
        try:
            return {**facts, **files.info(facts["name"])}
        except Exception:  # noqa: BLE001 (opening it will say why)
            return facts

    with ThreadPoolExecutor(_REQUESTS) as threads:
        return dict(zip(found, threads.map(asked, found.values()), strict=True))


def _named(paths: Iterable[str], files: Any, folder: str) -> dict[str, Mapping[str, Any] | None]:
    """The files that a list names, relative to its folder; None for a missing one."""

    def asked(path: str) -> Mapping[str, Any] | None:
        try:
            facts: Mapping[str, Any] = files.info(f"{folder}/{path}")
        except Exception:  # noqa: BLE001 (each file system raises what its library does)
            return None
        return facts

    named = dict.fromkeys(path.removeprefix("./") for path in paths if path.strip())
    with ThreadPoolExecutor(_REQUESTS) as threads:
        wanted = [path for path in named if not leads_outside(path)]
        return named | dict(zip(wanted, threads.map(asked, wanted), strict=True))


def _facts(files: Any, place: str, location: str) -> Mapping[str, Any]:
    try:
        return files.info(place)
    except Exception as error:
        raise _unreachable(location, error) from error


def _listed(root: str, files: Any, found: Mapping[str, Mapping[str, Any] | None]) -> Remote:
    references: list[Reference] = []
    skipped: list[Skipped] = []
    places: dict[str, str] = {}
    for path, facts in found.items():
        if is_hidden(path):
            continue
        if facts is None:
            skipped.append(Skipped(path, leads_outside(path) or "not found"))
            continue
        references.append(Reference(path, int(facts.get("size") or 0), _time(facts)))
        places[path] = facts["name"]
    return Remote(root, tuple(references), tuple(skipped), files, places)


def _time(facts: Mapping[str, Any]) -> int:
    """Last change in ns since 1970, where the file system tells it; else 0."""
    for key in ("LastModified", "mtime", "updated", "created"):
        value = facts.get(key)
        if isinstance(value, dt.datetime):
            return _moment(value)
        if isinstance(value, (int, float)):
            return nanoseconds(value)
    return UNKNOWN


def _moment(moment: dt.datetime) -> int:
    try:
        return within_64_bits(int(moment.timestamp() * 10**6) * 1000)
    except (OverflowError, OSError, ValueError):  # a year that the platform does not know
        return UNKNOWN


def _fetched(files: Any, place: str, location: str) -> IO[bytes]:
    """A copy of a remote file, in an unnamed temporary one."""
    copy = tempfile.TemporaryFile(prefix="nachash-")  # noqa: SIM115 (closed with the source)
    try:
        for part in _parts(files, place, location):
            copy.write(part)
    except OSError as error:
        copy.close()
        raise StorageError(
            f"{location} cannot be copied to {tempfile.gettempdir()}: {trouble(error)}",
            "set TMPDIR to a folder with more room",
        ) from error
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return copy


def _parts(files: Any, place: str, location: str) -> Iterator[bytes]:
    try:
        with files.open(place, "rb") as remote:
            while part := remote.read(1 << 20):
                yield part
    except Exception as error:
        raise _unreachable(location, error) from error


def _reason(error: BaseException) -> str:
    if isinstance(error, ImageError):
        return error.sentence
    if isinstance(error.__cause__, ImageError):
        return error.__cause__.sentence
    if isinstance(error, FileNotFoundError):
        return "not found"
    return f"cannot be fetched: {' '.join(str(error).split()) or type(error).__name__}"[:120]


def _image_error(error: Exception) -> ImageError:
    if isinstance(error, ImageError):
        return error
    answered = isinstance(error, FileNotFoundError | PermissionError) or hasattr(error, "status")
    return (ImageError if answered else UnreachableError)(_reason(error))


def _unreachable(location: str, error: Exception) -> MissingError:
    return MissingError(f"{location} cannot be read: {_reason(error)}", "check the URL and the net")
