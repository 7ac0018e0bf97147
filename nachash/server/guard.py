"""Which requests are let in, and the headers that every answer carries.

A page of another site must not use a visitor's browser to search their pictures. Its name can be
made to resolve to 127.0.0.1 (DNS rebinding), but its requests then carry that name as `Host`; and
a request that it sends across sites carries its `Origin`.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, final

from nachash.records import to_json
from nachash.results.serve import Refusal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
FOREIGN_HOST: Final = 421  # misdirected request
FOREIGN_ORIGIN: Final = 403

_POLICY: Final = (
    "default-src 'none'; img-src 'self' blob:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


@final
class Guard:
    """An application behind the checks; `hosts` are the names it answers to, None for all."""

    def __init__(self, application: Application, hosts: frozenset[str] | None) -> None:
        self._application = application
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value for name, value in scope["headers"]}
        status, refusal = self._refusal(headers)
        guarded = _with_headers(send)
        if refusal is None:
            await self._application(scope, receive, guarded)
            return
        kind = [(b"content-type", b"application/json")]
        await guarded({"type": "http.response.start", "status": status, "headers": kind})
        await guarded({"type": "http.response.body", "body": to_json(refusal).encode()})

    def _refusal(self, headers: Mapping[str, bytes]) -> tuple[int, Refusal | None]:
        authority = headers.get("host", b"").decode("latin-1")
        if self._hosts is not None and host_of(authority) not in self._hosts:
            return FOREIGN_HOST, Refusal(
                "this server answers to its own name only", "open it at http://127.0.0.1"
            )
        origin = headers.get("origin", b"").decode("latin-1")
        if origin and origin.partition("://")[2] != authority:
            return FOREIGN_ORIGIN, Refusal("a page of another site may not ask this server")
        return 200, None


def host_of(authority: str) -> str:
    """The name in a Host header, without its port and in lower case."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].lower()


def own_hosts(host: str) -> frozenset[str] | None:
    """The names to answer to when bound to `host`: those of loopback; elsewhere, all."""
    return LOOPBACK if host in LOOPBACK or host.startswith("127.") else None


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            added = [each for each in _HEADERS if each[0] not in present]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return sending
