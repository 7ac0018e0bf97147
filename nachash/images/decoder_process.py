"""The other side of `apart`: reads pictures, one after the other, within limits that it obeys."""

import contextlib
import gc
import io
import json
import os
import queue
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Final

from nachash.errors import ImageError
from nachash.images.decoding import bands, formats
from nachash.images.decoding.apart import OUT_OF_MEMORY, OWN_BYTES, framed, read_framed
from nachash.images.decoding.colour import rgb
from nachash.images.decoding.decode import decode
from nachash.images.decoding.exif import facts
from nachash.images.decoding.header import header
from nachash.images.limits import HELD_BYTES
from nachash.images.thumbnail import drawn
from nachash.records import Preprocessing

_WHOLE: Final = 1 << 24  # pixels
_LEAST: Final = 192 << 20  # bytes above the first ones: libraries and stacks count
_CORES: Final = 8  # that a decoder may keep busy


def main() -> None:
    """Answer requests from stdin on stdout until stdin ends, which also ends work under way."""
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when it is over
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a decoder prints is no answer
    requests: queue.SimpleQueue[tuple[dict[str, Any], Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    least = _data_now() + _LEAST
    while True:
        request, file = requests.get()
        head, payload = _answer(request, file, least)
        answers.write(framed(json.dumps(head).encode()) + framed(payload))
        answers.flush()
        del request, file, head, payload
        gc.collect()  # a picture that failed hangs on its error


def _listen(requests: "queue.SimpleQueue[tuple[dict[str, Any], Any]]") -> None:
    while (head := read_framed(sys.stdin.buffer)) is not None:
        held: Any = io.BytesIO()
        while part := read_framed(sys.stdin.buffer):
            if held.tell() + len(part) > HELD_BYTES and isinstance(held, io.BytesIO):
                held = _on_disk(held)
            held.write(part)
        held.seek(0)
        requests.put((json.loads(head), held))
    os._exit(0)  # also in the middle of a picture: nobody waits for it


def _on_disk(held: io.BytesIO) -> Any:
    file = tempfile.TemporaryFile(prefix="nachash-")  # noqa: SIM115 (closed with the picture)
    file.write(held.getbuffer())
    return file


def _answer(request: dict[str, Any], file: Any, least: int) -> tuple[dict[str, Any], bytes]:
    _bounded(request["memory"], request["seconds"], least)
    try:
        with file:
            return _done(request, file)
    except ImageError as error:
        return {"error": error.sentence}, b""
    except MemoryError:
        return {"error": OUT_OF_MEMORY}, b""
    except OSError as error:
        return {"error": error.strerror or str(error)}, b""


def _bounded(memory: int, seconds: float, least: int) -> None:
    """Let the system hold this process to its limits; Windows has none but the parent's."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = used.ru_utime + used.ru_stime
    for limit, value in (
        (resource.RLIMIT_DATA, max(memory - OWN_BYTES // 2, least)),
        (resource.RLIMIT_CPU, int(spent + _CORES * seconds) + 1),
    ):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))


def _data_now() -> int:
    """Bytes of memory that count already, where the system says it."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[5])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _done(request: dict[str, Any], file: Any) -> tuple[dict[str, Any], bytes]:
    image = formats.opened_here(file)
    whole = image.size
    match request["task"]:
        case "header":
            return {"width": whole[0], "height": whole[1], "header": header(image)}, b""
        case "decode":
            pixels = decode(image, Preprocessing(**request["preprocessing"]))
            return {"facts": facts(image, whole)}, pixels.tobytes()
        case "draw":
            made = drawn(image, request["side"])
            return {"media_type": made.media_type, "small": made.small}, made.data
        case _:
            image.load()
            factor = -(-(image.width * image.height) // _WHOLE)
            small = rgb(image) if factor == 1 else bands.reduced(image, factor)
            return {"width": small.width, "height": small.height}, small.tobytes()
