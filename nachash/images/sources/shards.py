"""WebDataset shards: several tar archives whose members belong together by their names.

Only images are read, and of `KEY.cls` the label; pickles (`.pyd`), pipes (`pipe:`) and every other
kind of member are never looked into.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from PIL import Image

from nachash.errors import MissingError, UsageError
from nachash.images.byte_stream import ByteStream
from nachash.images.sources import tar
from nachash.records import Reference, Skipped

_RANGE: Final = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Shards:
    """Images of several archives; a path is the archive's name, then the member's."""

    root: str
    references: tuple[Reference, ...]
    skipped: tuple[Skipped, ...]
    archives: Mapping[str, tar.Tar]
    labels: Mapping[str, str]

    def open(self, reference: Reference) -> Image.Image:
        """The image in a member, header read and pixels not."""
        archive, member = self._there(reference)
        return archive.open(member)

    def stream(self, reference: Reference) -> ByteStream:
        """A member, open for reading."""
        archive, member = self._there(reference)
        return archive.stream(member)

    def _there(self, reference: Reference) -> tuple[tar.Tar, Reference]:
        name, _, path = reference.path.partition("/")
        return self.archives[name], replace(reference, path=path)


def is_pattern(location: str) -> bool:
    """Whether a location names several archives, as `train-{000..012}.tar` does."""
    return _RANGE.search(location) is not None


def source(location: str) -> Shards:
    """A source of the images of all shards that a pattern names, in its order.

    Raises:
        UsageError: two archives have the same name.
        MissingError: a shard is missing, or the pattern names none or too many.
        DamagedError: a shard is not a tar archive.
    """
    files = list(_expanded(location))
    if not 0 < len(files) <= _MOST:
        raise MissingError(f"{location} names {len(files)} archives", "name-{000..012}.tar")
    if len({Path(file).name for file in files}) < len(files):
        raise UsageError(f"{location}: archives of one name cannot be told apart", "rename them")
    archives = {Path(file).name: tar.source(file) for file in files}
    return _joined(str(Path(files[0]).parent), archives)


def _joined(root: str, archives: Mapping[str, tar.Tar]) -> Shards:
    references: list[Reference] = []
    skipped: list[Skipped] = []
    labels: dict[str, str] = {}
    for name, archive in archives.items():
        references += _under(name, archive.references)
        skipped += [replace(image, path=f"{name}/{image.path}") for image in archive.skipped]
        labels |= {f"{name}/{path}": label for path, label in archive.labels.items()}
    return Shards(root, tuple(references), tuple(skipped), archives, labels)


def _under(name: str, references: Sequence[Reference]) -> Iterator[Reference]:
    return (replace(each, path=f"{name}/{each.path}") for each in references)


def _expanded(pattern: str) -> Iterator[str]:
    """Every name that the ranges of a pattern stand for; zeros in front are kept."""
    match = _RANGE.search(pattern)
    if match is None:
        yield pattern
        return
    width = len(match[1])
    for number in range(int(match[1]), min(int(match[2]), int(match[1]) + _MOST) + 1):
        middle = f"{number:0{width}}"
        yield from _expanded(pattern[: match.start()] + middle + pattern[match.end() :])
