"""The body of an upload, read no further than is allowed, and counted while it is held."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import final

from fastapi import Request

from nachash.server.connections import Limits, network_of
from nachash.tasks.serve.upload import Fault, UploadError


@final
class Uploads:
    """Bodies that are held at this moment: so many bytes in all, and so many of one address."""

    def __init__(self, limits: Limits) -> None:
        self._most, self._most_of_address = limits.upload_bytes, limits.upload_bytes_of_address
        self._of_address: Counter[str] = Counter()
        self.bytes = 0

    @contextlib.asynccontextmanager
    async def body(self, request: Request, most_bytes: int) -> AsyncIterator[bytes]:
        """All bytes that were sent, counted until the block ends.

        Raises:
            UploadError: more than `most_bytes`, or more than is left; what comes after is not read.
            ClientDisconnect: the client has gone.
        """
        address = network_of(request.client.host if request.client else "")
        held = 0

        def hold(more: int) -> None:
            nonlocal held
            if held + more > most_bytes:
                raise _too_large(most_bytes)
            own, every = self._of_address[address] + more, self.bytes + more
            if own > self._most_of_address or every > self._most:
                raise UploadError(
                    Fault.BUSY, "too many uploads are on their way", "try again in a minute"
                )
            held += more
            self._of_address[address], self.bytes = own, every

        try:
            yield await _received(request, most_bytes, hold)
        finally:
            self.bytes -= held
            self._of_address[address] -= held
            if not self._of_address[address]:
                del self._of_address[address]


async def _received(request: Request, most_bytes: int, hold: Callable[[int], None]) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most_bytes:
        raise _too_large(most_bytes)
    received = bytearray()
    async for part in request.stream():
        hold(len(part))
        received += part
    return bytes(received)


def _too_large(most_bytes: int) -> UploadError:
    megabytes = most_bytes / (1 << 20)
    return UploadError(
        Fault.TOO_LARGE, f"the upload is larger than {megabytes:g} MiB", "send a smaller one"
    )
