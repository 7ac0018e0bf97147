"""Thumbnails of indexed images, made once and kept while the file stays as it is."""

import hashlib
import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import Final, final

from nachash.images.sources.hosts import NONE, Hosts
from nachash.images.thumbnail import Thumbnail, drawn
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
        self._kept: OrderedDict[str, Thumbnail] = OrderedDict()
        self._bytes = 0
        self._under_way: dict[str, Future[Thumbnail]] = {}
        self._lock = threading.Lock()

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
        with self._lock:
            if tag in self._kept:
                self._kept.move_to_end(tag)
                return self._kept[tag]
            under_way = self._under_way.get(tag)
            made = self._under_way.setdefault(tag, Future())
        if under_way is not None:
            return under_way.result()
        try:
            image = snapshot.originals.open(snapshot.path_of(row), self._hosts)
            made.set_result(drawn(image, SIDE))
        except BaseException as error:
            made.set_exception(error)
            raise
        finally:
            self._keep(tag, made)
        return made.result()

    def _keep(self, tag: str, made: "Future[Thumbnail]") -> None:
        with self._lock:
            del self._under_way[tag]
            if made.exception() is None:
                self._kept[tag] = made.result()
                self._bytes += len(made.result().data)
            while self._bytes > _MOST_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1].data)
