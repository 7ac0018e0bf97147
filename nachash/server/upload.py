"""The body of an upload, read no further than is allowed."""

from fastapi import Request

from nachash.tasks.serve.upload import Fault, UploadError


async def body_of(request: Request, most_bytes: int) -> bytes:
    """All bytes that were sent.

    Raises:
        UploadError: more than `most_bytes`; what comes after them is not read.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most_bytes:
        raise _too_large(most_bytes)
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > most_bytes:
            raise _too_large(most_bytes)
    return bytes(received)


def _too_large(most_bytes: int) -> UploadError:
    megabytes = most_bytes / (1 << 20)
    return UploadError(
        Fault.TOO_LARGE, f"the upload is larger than {megabytes:g} MiB", "send a smaller one"
    )
