"""What is known of the images of a group besides their codes, asked of their files."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path, PurePath
from typing import Final

import numpy as np

from nachash.errors import ImageError
from nachash.images.decoding import raw
from nachash.images.decoding.header import Header, header
from nachash.images.sources import regular_file
from nachash.images.sources.hosts import Hosts
from nachash.images.sources.originals import opened_at
from nachash.images.sources.root import is_below
from nachash.index.storage.layout import DIGEST_BYTES
from nachash.shapes import Int64
from nachash.tasks.dedup.coded_images import CodedImages
from nachash.tasks.dedup.companions import Companions
from nachash.tasks.search.shown_path import shown

_REQUESTS: Final = 16  # at once

File = tuple[int, int]  # device and number, which all names of a file have in common


@dataclass(frozen=True, slots=True)
class Member:
    """An image that may be one of several copies.

    `header` is None where the picture cannot be opened, and `file` where it is no file of this
    machine. `protected`: it lies in a reference folder. `contents`: digest of a file that holds
    more than one picture, which is a copy of nothing but a file of the very same bytes.
    `edited`: sidecars lie beside it.
    """

    row: int
    path: str
    size: int
    mtime_ns: int
    header: Header | None
    file: File | None
    protected: bool
    contents: str = ""
    edited: bool = False


def members(
    images: CodedImages,
    rows: Int64[np.ndarray, "n"],
    protected: Sequence[Path],
    hosts: Hosts,
    companions: Companions,
) -> list[Member]:
    """What is known of some images; several are asked for at once where each takes a request."""
    look = partial(_member, images, protected, hosts, companions)
    if "://" not in images.root:
        return [look(row) for row in rows.tolist()]
    with ThreadPoolExecutor(_REQUESTS) as threads:
        return list(threads.map(look, rows.tolist()))


def is_gone(member: Member) -> bool:
    """Whether an image is not there any more; one at a URL may be, whoever does not answer."""
    return member.header is None and "://" not in member.path


def without_other_names(found: Sequence[Member]) -> list[Member]:
    """Each file once: protected if any of its names is, under its own name rather than a link."""
    first: dict[File | str, Member] = {}
    for each in sorted(found, key=lambda each: (not each.protected, Path(each.path).is_symlink())):
        first.setdefault(each.file or each.path, each)
    return sorted(first.values(), key=lambda each: each.row)


def _member(
    images: CodedImages,
    protected: Sequence[Path],
    hosts: Hosts,
    companions: Companions,
    row: int,
) -> Member:
    path = shown(images.root, images.paths[row])
    seen = _header(path, hosts)
    folder = os.path.split(os.path.join(images.root, images.paths[row]))[0]  # noqa: PTH118
    return Member(
        row,
        path,
        int(images.sizes[row]),
        int(images.times[row]),
        seen,
        _file(path),
        any(_lies_below(str(each), folder) for each in protected),
        _contents(path) if _holds_more(path, seen) else "",
        "://" not in path and bool(companions.sidecars(Path(path))),
    )


def _header(path: str, hosts: Hosts) -> Header | None:
    try:
        with opened_at(path, hosts) as image:
            return header(image)
    except (ImageError, OSError):
        return None


def _file(path: str) -> File | None:
    try:
        status = os.stat(path)  # noqa: PTH116 (names need not be valid text)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


@lru_cache(1 << 16)
def _lies_below(reference: str, folder: str) -> bool:
    return is_below(reference, folder)


def _holds_more(path: str, seen: Header | None) -> bool:
    return bool(seen and seen.several) or PurePath(path).suffix.lower() in raw.SUFFIXES


def _contents(path: str) -> str:
    """A digest of a file, or the path, which is that of no other, where it cannot be read."""
    found = hashlib.blake2b(digest_size=DIGEST_BYTES)
    try:
        with regular_file.stream(path) as file:
            while part := file.read(1 << 20):
                found.update(part)
    except (ImageError, OSError):
        return path
    return found.hexdigest()
