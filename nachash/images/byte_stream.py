"""What bytes are read from: a file, a member of an archive, a connection, or memory."""

from types import TracebackType
from typing import Protocol, runtime_checkable


@runtime_checkable
class ByteStream(Protocol):
    """Bytes from their beginning to their end, closed at the end of a `with` block."""

    def read(self, count: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""

    def __enter__(self) -> "ByteStream":  # noqa: PYI034 (beartype knows no Self here)
        """The stream itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> bool | None:
        """Close it."""
