"""Limits of what connections may do, so that no slow, silent or greedy client keeps others out.

uvicorn has none of time and number that would do: its only limit of connections refuses everybody
as soon as somebody holds that many. Here a new connection takes the place of the one that has
waited longest without a request.
"""

import asyncio
import ipaddress
import operator
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final, Protocol, final, runtime_checkable

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from nachash.records import to_json
from nachash.results.serve import Refusal

_FILES_LEFT: Final = 2  # one of so many files that the process may open is for connections
_HEADER_COSTS: Final = 32  # bytes for which a header counts besides its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What connections may do at most; times in seconds, rates in bytes per second.

    A body and an answer may take `patience` and then as long as `slowest` allows for what was
    transferred. `idle` is how long a connection may wait between two requests.
    """

    connections: int = 512
    connections_of_address: int = 256  # behind a proxy, all come from one
    head_seconds: float = 10
    head_bytes: int = 64 << 10
    patience: float = 20
    slowest: int = 16 << 10
    idle: int = 5
    upload_bytes: int = 256 << 20
    upload_bytes_of_address: int = 128 << 20
    look_every: float = 0.5


def fitting(limits: Limits) -> int:
    """How many connections there may be: fewer than asked where few files may be open."""
    try:
        import resource

        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    except (ImportError, OSError):  # Windows, whose sockets are no files
        return limits.connections
    if soft == resource.RLIM_INFINITY:
        return limits.connections
    return max(1, min(limits.connections, soft // _FILES_LEFT))


@runtime_checkable
class Waiting(Protocol):
    """What is counted: a connection, as far as others are concerned."""

    address: str
    since: float
    loop: asyncio.AbstractEventLoop

    @property
    def is_waiting(self) -> bool:
        """Whether it has no request that somebody works on."""

    def drop(self) -> None:
        """Close it at once."""

    def close_if_late(self, now: float) -> None:
        """Close it when it keeps the server waiting for longer than is allowed."""


@final
class Connections:
    """All that are open; looked at again and again while there are any."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._most = fitting(limits)
        self._by_address: dict[str, set[Waiting]] = defaultdict(set)
        self._count = 0
        self._looking: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return self._count

    def protocol(self, **given: Any) -> "Connection":
        """A new connection, as uvicorn asks for one."""
        return Connection(self, **given)

    def let_in(self, new: "Waiting") -> bool:
        """Count a connection; False when all others are busy and it has to go.

        One that waits goes in its place, of the address that holds most of them.
        """
        own = self._by_address[new.address]
        crowded = len(own) >= self.limits.connections_of_address
        if crowded or self._count >= self._most:
            holders = [own] if crowded else sorted(self._by_address.values(), key=len, reverse=True)
            longest = next(filter(None, map(_waiting_longest, holders)), None)
            if longest is None:
                return False
            longest.drop()
        own = self._by_address[new.address]
        own.add(new)
        self._count += 1
        self._look_later(new.loop)
        return True

    def forget(self, gone: "Waiting") -> None:
        """A connection is closed."""
        own = self._by_address.get(gone.address, set())
        if gone in own:
            own.remove(gone)
            self._count -= 1
        if not own:
            self._by_address.pop(gone.address, None)

    def look(self, now: float) -> None:
        """Close those that are too slow."""
        for connection in [each for own in self._by_address.values() for each in own]:
            connection.close_if_late(now)

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._looking is None and self._count:
            self._looking = loop.call_later(self.limits.look_every, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looking = None
        self.look(loop.time())
        self._look_later(loop)


@dataclass(slots=True)
class _Pace:
    """When a transfer began, and how much has been transferred since."""

    since: float
    transferred: int = 0

    def is_late(self, now: float, limits: Limits) -> bool:
        return now > self.since + limits.patience + self.transferred / limits.slowest


@final
class Connection(HttpToolsProtocol):
    """A connection that is closed when it keeps others waiting.

    It receives a `head`, then a `body`, then nothing until the next head begins; it is answered
    from the end of the head on.
    """

    def __init__(self, connections: Connections, **given: Any) -> None:
        super().__init__(**given)
        self._connections = connections
        self._limits = connections.limits
        self.address = ""
        self.since = 0.0  # when it began to wait for a request, or for the rest of one
        self._receiving = "head"
        self._head_bytes = self._headers_bytes = 0
        self._body: _Pace | None = None
        self._answer: _Pace | None = None
        self._unsent = 0

    @property
    def is_waiting(self) -> bool:
        """Whether it has no request that somebody works on."""
        return self._receiving != "body" and self._is_answered

    @property
    def _is_answered(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        return cycle is None or cycle.response_complete

    def connection_made(self, transport: Any) -> None:  # uvloop's is no asyncio.Transport
        """Let the connection in, or send it away."""
        super().connection_made(transport)
        self.address = network_of(self.client[0] if self.client else "")
        self.since = self.loop.time()
        if not self._connections.let_in(self):
            self._send_away(503, "too many connections are open", "try again in a minute")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._connections.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what was sent; a head that is too long ends the connection."""
        if self.transport.is_closing():
            return
        if not self._receiving:
            self._begin_head()
        if self._body is not None:
            self._body.transferred += len(data)
        self._head_bytes += len(data)
        super().data_received(data)
        too_long = self._receiving == "head" and self._head_bytes > self._limits.head_bytes
        if too_long and not self.transport.is_closing():
            self._send_away(431, "the head of this request is too long")

    def on_message_begin(self) -> None:
        """A request begins."""
        if self._receiving != "head":  # right behind another one
            self._begin_head()
        self._headers_bytes = 0
        super().on_message_begin()

    def _begin_head(self) -> None:
        self._receiving, self.since = "head", self.loop.time()
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A part of the address of a request."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of a request, or one behind its body."""
        self._count(len(name) + len(value) + _HEADER_COSTS)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head has arrived."""
        self._receiving, self._body = "body", _Pace(self.loop.time())
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A whole request has arrived."""
        self._receiving, self._body = "", None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A request was answered."""
        self.since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's words for it)
        """Refuse what is no HTTP."""
        if self._headers_bytes > self._limits.head_bytes:
            self._send_away(431, "the head of this request is too long")
        else:
            self._send_away(400, "this is not a request in HTTP/1.1")

    def shutdown(self) -> None:
        """The server ends: what has arrived is answered, the rest is not waited for."""
        if self._receiving == "body":
            self._send_away(503, "the server ends")
        super().shutdown()

    def drop(self) -> None:
        """Close it at once, whatever is on its way."""
        self._connections.forget(self)
        self.transport.abort()

    def close_if_late(self, now: float) -> None:
        """Close it when it keeps the server waiting for longer than is allowed."""
        if self._answer_is_late(now):
            self.drop()
        elif self.transport.is_closing():
            return
        elif self.flow.read_paused and self._body is not None:  # we keep it waiting
            self._body = _Pace(now)
        elif self._head_is_late(now):
            self._send_away(408, "the head of a request took too long")
        elif self._body is not None and self._body_is_late(self._body, now):
            self._send_away(408, "the body of the request took too long")

    def _head_is_late(self, now: float) -> bool:
        return self._receiving == "head" and now > self.since + self._limits.head_seconds

    def _body_is_late(self, body: _Pace, now: float) -> bool:
        """One that nobody wants any more, since the request was refused, is soon late."""
        if self.cycle.response_complete:
            return now > self.since + self._limits.idle
        return body.is_late(now, self._limits)

    def _answer_is_late(self, now: float) -> bool:
        """Whether an answer is not taken off our hands."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent:
            self._answer = None
        elif self._answer is None or unsent > self._unsent:
            self._answer = _Pace(now)
        else:
            self._answer.transferred += self._unsent - unsent
        self._unsent = unsent
        return self._answer is not None and self._answer.is_late(now, self._limits)

    def _count(self, more: int) -> None:
        self._headers_bytes += more
        if self._headers_bytes > self._limits.head_bytes:
            raise ValueError  # the parser turns it into an error of its own

    def _send_away(self, status: int, sentence: str, hint: str = "") -> None:
        """Answer with a refusal, unless another answer has begun, and close."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            body = to_json(Refusal(sentence, hint)).encode()
            head = (
                b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
            )
            self.transport.write(STATUS_LINE[status] + head % len(body) + body)
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()


def network_of(address: str) -> str:
    """What stands for one client: an IPv4 address, or the network of 64 bits of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))


def _waiting_longest(connections: set[Waiting]) -> Waiting | None:
    waiting = (each for each in connections if each.is_waiting)
    return min(waiting, key=operator.attrgetter("since"), default=None)
