"""Memory that all threads share: what does not fit beside the others waits for them."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, final

from PIL import Image


@final
class Room:
    """A number of bytes; who asked first is let in first, so that the large ones have a turn."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, wanted: int) -> Iterator[int]:
        """Wait until so many bytes are free and hold them; who wants more than all gets all."""
        wanted = min(wanted, self._size)
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield wanted
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()


_LITTLE: Final = 16 << 20  # bytes; images below it do not ask
_HERE: Final = Room(512 << 20)  # for all images that this process decodes at the same time
_BYTES: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2}


def beside_others(image: Image.Image, whole: int) -> AbstractContextManager[object]:
    """Hold what decoding an opened image takes; `whole` are its pixels before it was drafted."""
    wanted = image.width * image.height * _BYTES.get(image.mode, 4)
    if image.format == "WEBP":
        wanted *= 4  # two canvases and the frame besides
    elif image.info.get("progressive"):
        wanted += 6 * whole
    return _HERE.taken(wanted) if wanted > _LITTLE else nullcontext()
