"""Thumbnails of indexed images, made once and kept while the file stays as it is."""

import hashlib
from typing import Final, final

from nachash.images.sources.hosts import NONE, Hosts
from nachash.images.thumbnail import Thumbnail, drawn
from nachash.recently_used import RecentlyUsed
from nachash.tasks.search.searchable import Searchable

SIDE: Final = 320  # pixels; a tile of the page on a display of two pixels per point
_MOST_BYTES: Final = 64 << 20


@final
class Thumbnails:
    """A cache of at most 64 MiB, the least recently used dropped first.

    `hosts`: those that pictures at URLs are fetched from.
    """

    def __init__(self, hosts: Hosts = NONE) -> None:
        self._hosts = hosts
        self._kept: RecentlyUsed[str, Thumbnail] = RecentlyUsed(
            _MOST_BYTES, lambda thumbnail: len(thumbnail.data)
        )

    def tag(self, snapshot: Searchable, row: int) -> str:
        """A name of the thumbnail that changes when the image file does.

        Raises:
            ImageError: the file is not there any more.
        """
        path = snapshot.path_of(row)
        size, time = snapshot.originals.version(path)
        text = f"{snapshot.root}\0{path}\0{snapshot.ids[row]}\0{size}\0{time}\0{SIDE}"
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()

    def picture(self, snapshot: Searchable, row: int, tag: str) -> Thumbnail:
        """The thumbnail of a row whose tag was asked for; who asks meanwhile waits for the same.

        Raises:
            ImageError: the image cannot be opened any more.
        """

        def make() -> Thumbnail:
            return drawn(snapshot.originals.open(snapshot.path_of(row), self._hosts), SIDE)

        return self._kept.value(tag, make)
