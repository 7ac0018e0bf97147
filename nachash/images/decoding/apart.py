"""Pictures that are decoded apart: in a process that can be stopped, with bounded memory.

Which these are is the business of `examination`. A process is started when the first is met and
kept for the next; it gets the file's bytes and gives back pixels. It is killed when the deadline
has passed or nobody wants the answer any more, and takes no more memory than it was allowed.
"""

import atexit
import contextlib
import json
import os
import queue
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, Final, final

import numpy as np
from PIL import Image

from nachash.errors import ImageError
from nachash.images.byte_stream import ByteStream
from nachash.images.decoding.room import Room
from nachash.images.limits import IMAGE_SECONDS, image_memory, image_seconds
from nachash.records import Preprocessing
from nachash.shapes import UInt8

OUT_OF_MEMORY: Final = "not enough memory"
OWN_BYTES: Final = 64 << 20  # what the process needs itself
_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from nachash.images.decoder_process import main; main()"
)
_PART: Final = 1 << 20
_LOOK: Final = 0.1  # seconds between two looks whether the answer is still wanted

Stream = Callable[[], ByteStream]

_wanted = threading.local()


@final
class Apart(Image.Image):
    """An image whose pixels, and header, another process reads; asked for when they are needed."""

    def __init__(self, stream: Stream, memory: int | None) -> None:
        """`stream` opens the file; `memory`: bytes that decoding takes, as far as is known."""
        super().__init__()
        self._stream = stream
        self._memory = memory
        self._mode = "RGB"
        self.facts: tuple[int, int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as the header says them.

        Raises:
            ImageError: the header is damaged.
        """
        if self._size == (0, 0):
            found, _ = self._ask({"task": "header"})
            self._size = found["width"], found["height"]
        return self._size

    def header(self) -> tuple[int, int, bool, bool]:
        """What `header.header` says of it.

        Raises:
            ImageError: the header is damaged.
        """
        found, _ = self._ask({"task": "header"})
        return tuple(found["header"])

    def load(self) -> Any:
        """Pixels for whoever wants all of them; of more than 16 million, a reduced picture."""
        if self._im is None:
            found, pixels = self._ask({"task": "whole"})
            self._size = found["width"], found["height"]
            self._im = Image.frombytes("RGB", self._size, pixels).im
        return super().load()

    def pixels(self, preprocessing: Preprocessing) -> "UInt8[np.ndarray, 'size size 3']":
        """What `decode` gives of it.

        Raises:
            ImageError: it cannot be decoded, in the time and memory that it may take.
        """
        asked = {"task": "decode", "preprocessing": asdict(preprocessing)}
        found, pixels = self._ask(asked)
        self.facts = tuple(found["facts"])
        size = preprocessing.size
        return np.frombuffer(pixels, np.uint8).reshape(size, size, 3)

    def drawn(self, side: int) -> tuple[bytes, str, bool]:
        """What `thumbnail.drawn` gives of it.

        Raises:
            ImageError: as `pixels`.
        """
        found, data = self._ask({"task": "draw", "side": side})
        return data, found["media_type"], found["small"]

    def _ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """The answer; an estimate that was too small gets all of the memory at a second try."""
        most = image_memory()
        wanted = most if self._memory is None else self._memory * 5 // 4 + OWN_BYTES
        try:
            return _answer(request, self._stream, min(wanted, most))
        except ImageError as error:
            if error.sentence != OUT_OF_MEMORY or wanted >= most:
                raise
        return _answer(request, self._stream, most)


@contextlib.contextmanager
def wanted_until(stop: threading.Event | None, seconds: float | None = None) -> Iterator[None]:
    """Within it, this thread gives an image up once `stop` is set, or after so many seconds."""
    before = getattr(_wanted, "limits", (None, None))
    _wanted.limits = (stop, seconds)
    try:
        yield
    finally:
        _wanted.limits = before


def end() -> None:
    """Kill every process, also those at work; whoever waits for one gets an `ImageError`."""
    with _lock:
        ending = [*_all]
        _idle.clear()
    for process in ending:
        process.kill()


@final
class _Process:
    """One process; it does one thing at a time."""

    def __init__(self) -> None:
        import subprocess  # most runs meet no such picture

        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        self._answers: queue.SimpleQueue[tuple[dict[str, Any], bytes] | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, name="nachash-apart", daemon=True).start()

    def send(self, request: dict[str, Any], stream: Stream) -> None:
        """Hand a request and a file over.

        Raises:
            OSError: the process is gone, or the file cannot be read.
        """
        target = self._process.stdin
        assert target is not None
        with stream() as file:
            target.write(framed(json.dumps(request).encode()))
            while part := file.read(_PART):
                target.write(framed(part))
            target.write(framed(b""))
        target.flush()

    def answer(self, seconds: float, stop: threading.Event | None) -> tuple[dict[str, Any], bytes]:
        """What it answers.

        Raises:
            ImageError: nothing, in that time, or nobody wants it any more.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end and not (stop and stop.is_set()):
            with contextlib.suppress(queue.Empty):
                found = self._answers.get(timeout=_LOOK)
                if found is None:
                    raise ImageError("the decoder ended; the file is damaged")
                return found
        if stop and stop.is_set():
            raise ImageError("interrupted")
        raise ImageError(f"not decoded within {seconds:g} seconds (${IMAGE_SECONDS})")

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError, ValueError):
                if pipe is not None:
                    pipe.close()

    def _listen(self) -> None:
        source = self._process.stdout
        assert source is not None
        try:
            while (head := read_framed(source)) is not None:
                self._answers.put((json.loads(head), read_framed(source) or b""))
        except (OSError, ValueError):
            pass
        self._answers.put(None)


_lock = threading.Lock()
_all: set[_Process] = set()
_idle: list[_Process] = []
_rooms: dict[int, Room] = {}


def _answer(request: dict[str, Any], stream: Stream, memory: int) -> tuple[dict[str, Any], bytes]:
    """What a process answers, with so much memory to itself."""
    stop, limit = getattr(_wanted, "limits", (None, None))
    seconds = min(image_seconds(), limit or float("inf"))
    with _room().taken(memory):
        if stop and stop.is_set():
            raise ImageError("interrupted")
        return _of_process({**request, "memory": memory, "seconds": seconds}, stream, stop)


def _of_process(
    request: dict[str, Any], stream: Stream, stop: threading.Event | None
) -> tuple[dict[str, Any], bytes]:
    with _process() as process:
        try:
            process.send(request, stream)
        except BrokenPipeError as error:
            raise ImageError("the decoder ended; the file is damaged") from error
        except ImageError:
            raise
        except Exception as error:  # each kind of archive raises what its library does
            raise ImageError(f"damaged: {error}"[:120]) from error
        found, payload = process.answer(request["seconds"], stop)
        if found.get("error") == OUT_OF_MEMORY:
            raise ImageError(OUT_OF_MEMORY)  # and end the process, which nobody knows the state of
    if "error" in found:
        raise ImageError(found["error"])
    return found, payload


@contextlib.contextmanager
def _process() -> Iterator[_Process]:
    """A process to oneself; one that was left in the middle of something is killed."""
    with _lock:
        process = _idle.pop() if _idle else _Process()
        _all.add(process)
    try:
        yield process
    except BaseException:
        process.kill()
        with _lock:
            _all.discard(process)
        raise
    with _lock:
        if process in _all and not _idle:
            _idle.append(process)
            return
        _all.discard(process)
    process.kill()


def _room() -> Room:
    """The memory for all processes together: what one picture may take."""
    size = image_memory()
    with _lock:
        return _rooms.setdefault(size, Room(size))


def framed(content: bytes) -> bytes:
    """Bytes with their length before them."""
    return struct.pack("<Q", len(content)) + content


def read_framed(source: ByteStream) -> bytes | None:
    """What `framed` wrote; None at the end."""
    head = source.read(8)
    if len(head) < 8:
        return None
    return source.read(struct.unpack("<Q", head)[0])


def _forget() -> None:
    """A forked child has no part in its parent's processes."""
    global _lock
    _lock = threading.Lock()
    _all.clear()
    _idle.clear()
    _rooms.clear()


atexit.register(end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
