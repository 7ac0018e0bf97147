"""Images of an index, opened where they lie: in a folder, an archive, shards, or at a URL."""

import functools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from PIL import Image

from nachash.errors import ImageError, NachashError
from nachash.images.sources import files, location
from nachash.images.sources.hosts import NONE, Hosts
from nachash.images.sources.member import leads_outside
from nachash.images.sources.selection import FileSource
from nachash.records import Reference


@final
@dataclass(eq=False, slots=True)
class Originals:
    """Opens images by their paths in an index; what has to be listed first is listed once."""

    root: str
    _archives: dict[str, "_Listed"] = field(default_factory=dict)

    def open(self, path: str, hosts: Hosts = NONE) -> Image.Image:
        """The image at a path below the root, header read and pixels not.

        `hosts`: those that the user named, without which no URL is opened.

        Raises:
            ImageError: it is not there any more or cannot be opened, with the reason.
        """
        if "://" in self.root:
            return _elsewhere(self.root, path, hosts)
        place, source, name = self._found(path)
        if source is None:
            single = files.source(self.root, [path])
            if not single.references:
                raise ImageError(single.skipped[0].reason)
            return single.open(single.references[0])
        if name not in source.references:
            raise ImageError(f"not found in {place}")
        return source.images.open(source.references[name])

    def version(self, path: str) -> tuple[int, int]:
        """What changes when the image does: size and time of change of the file that holds it.

        Always the same for an image at a URL, which is not asked for it.

        Raises:
            ImageError: the file is not there any more.
        """
        if "://" in self.root:
            return 0, 0
        place, _, _ = self._found(path)
        try:
            status = os.stat(place)  # noqa: PTH116 (names need not be valid text)
        except OSError as error:
            raise ImageError("not found") from error
        return status.st_size, status.st_mtime_ns

    def _found(self, path: str) -> "tuple[str, _Listed | None, str]":
        """The file that holds an image, its listing when it holds many, and the name in it."""
        if Path(self.root).is_file():
            return self.root, self._listed(self.root), path
        full = os.path.join(self.root, path)  # noqa: PTH118 (bytes kept)
        shard, _, member = path.partition("/")
        archive = os.path.join(self.root, shard)  # noqa: PTH118
        if member and Path(archive).is_file():
            return archive, self._listed(archive), member
        return full, None, path

    def _listed(self, place: str) -> "_Listed":
        if place not in self._archives:
            try:
                self._archives[place] = _Listed.of(location.source(place, ()))
            except NachashError as error:
                raise ImageError(error.sentence) from error
        return self._archives[place]


@dataclass(frozen=True, slots=True)
class _Listed:
    images: FileSource
    references: dict[str, Reference]

    @classmethod
    def of(cls, images: FileSource) -> "_Listed":
        return cls(images, {each.path: each for each in images.references})


def opened_at(path: str, hosts: Hosts = NONE) -> Image.Image:
    """The image at a path or URL, which may lead on into an archive: `photos.zip/cat/1.jpg`.

    A URL is opened only where the user named its host.

    Raises:
        ImageError: it is not there or cannot be opened, with the reason.
    """
    if "://" in path:
        root, _, name = path.rpartition("/")
        return _elsewhere(root, name, hosts)
    for archive in Path(path).parents if not os.path.lexists(path) else ():
        if archive.is_file():
            status = archive.stat()
            known = _of_archive(str(archive), status.st_size, status.st_mtime_ns)
            return known.open(Path(path).relative_to(archive).as_posix())
    return Originals("").open(path)


def _elsewhere(root: str, path: str, hosts: Hosts) -> Image.Image:
    from nachash.images.sources import elsewhere

    if wrong := leads_outside(path):
        raise ImageError(wrong)
    return elsewhere.opened(f"{root}/{path}", hosts)


@functools.lru_cache(4)
def _of_archive(archive: str, *_state: int) -> Originals:
    """The images of an archive, listed once as long as it does not change."""
    return Originals(archive)
