"""Which requests are let in, and the headers that every answer carries.

A page of another site must not use a visitor's browser to search their pictures. Its name can be
made to resolve to this server (DNS rebinding), but its requests then carry that name as `Host`;
and a request that it sends across sites carries its `Origin`, or says so in `Sec-Fetch-Site`.
"""

import functools
import logging
import os
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from importlib.resources import files
from typing import Any, Final, final
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from nachash.records import to_json
from nachash.results.serve import Refusal
from nachash.server.access import Access

_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SEE_OTHER: Final = 303
NO_TOKEN: Final = 401
FOREIGN_ORIGIN: Final = 403
FOREIGN_HOST: Final = 421  # misdirected request

_PUBLIC: Final = frozenset({"/style.css", "/icon.svg"})  # what the page that asks for it shows
_POLICY: Final = (
    "default-src 'none'; img-src 'self' blob:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
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
    """An application behind the checks; a request that it fails at is logged."""

    def __init__(self, application: Application, access: Access) -> None:
        self._application, self._access = application, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on."""
        if scope["type"] != "http":
            return
        headers, send = Headers(scope=scope), _with_headers(send)
        foreign = self._foreign(headers)
        if foreign is not None:
            await _answer(send, *foreign)
        elif self._brings_token(scope):
            await self._visited(scope, headers, send)
        elif scope["path"] in _PUBLIC or self._is_known(scope, headers):
            await self._handed_on(scope, receive, send)
        else:
            await self._asked_for_token(scope, headers, send)

    async def _handed_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._application(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody waits for the answer
        except Exception as error:  # noqa: BLE001 (the application has answered with 500)
            if os.environ.get("NACHASH_DEBUG"):
                _log.error("%s", "".join(traceback.format_exception(error)).rstrip())
            else:
                what = f"{type(error).__name__}: {error}".partition("\n")[0]
                _log.error("a request to %r failed, %s (--debug says where)", scope["path"], what)

    def _foreign(self, headers: Headers) -> tuple[int, Refusal] | None:
        authorities = headers.getlist("host")
        if len(authorities) != 1 or not self._access.answers_to(authorities[0]):
            return FOREIGN_HOST, Refusal(
                "this server does not answer to that name", "nachash serve --allowed-host NAME"
            )
        origin = headers.get("origin", "")
        elsewhere = headers.get("sec-fetch-site", "") in ("cross-site", "same-site")
        embedded = elsewhere and headers.get("sec-fetch-mode") != "navigate"
        if embedded or (origin and origin.partition("://")[2] != authorities[0]):
            return FOREIGN_ORIGIN, Refusal("a page of another site may not ask this server")
        return None

    def _is_known(self, scope: Scope, headers: Headers) -> bool:
        if self._access.token is None:
            return True
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._access.knows(token.strip()):
            return True
        return self._access.knows(_cookie(headers, cookie_name(scope)))

    def _brings_token(self, scope: Scope) -> bool:
        """Whether this is a visit by the address that was printed."""
        visit = scope["path"] == "/" and scope["method"] == "GET"
        return visit and self._access.token is not None and b"token=" in scope["query_string"]

    async def _visited(self, scope: Scope, headers: Headers, send: Send) -> None:
        """Turn the token in the address of the page into a cookie."""
        token = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if not self._access.knows(token):
            await self._asked_for_token(scope, headers, send)
            return
        # Strict would not be sent after a click on a link in a mail.
        cookie = f"{cookie_name(scope)}={token}; Path=/; HttpOnly; SameSite=Lax"
        if headers.get("x-forwarded-proto") == "https":
            cookie += "; Secure"
        moved = [(b"location", b"./"), (b"set-cookie", cookie.encode("latin-1"))]
        await _send(send, SEE_OTHER, b"", [*moved, (b"cache-control", b"no-store")])

    async def _asked_for_token(self, scope: Scope, headers: Headers, send: Send) -> None:
        if scope["path"] == "/" and "text/html" in headers.get("accept", ""):
            await _send(send, NO_TOKEN, _asking(), [(b"content-type", b"text/html")])
        else:
            bearer = (b"www-authenticate", b"Bearer")
            await _answer(send, NO_TOKEN, _WANTED, bearer)


_WANTED: Final = Refusal(
    "this server wants the token that it printed when it started",
    "open /?token=... once, or send the header Authorization: Bearer ...",
)


def cookie_name(scope: Scope) -> str:
    """The name of the cookie: browsers do not tell servers on two ports of one host apart."""
    return f"nachash-{(scope.get('server') or ('', 0))[1]}"


def _cookie(headers: Headers, name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


@functools.cache
def _asking() -> bytes:
    """The page that asks for the token."""
    return (files("nachash.server") / "page" / "token.html").read_bytes()


async def _answer(send: Send, status: int, refusal: Refusal, *headers: tuple[bytes, bytes]) -> None:
    kind = (b"content-type", b"application/json")
    await _send(send, status, to_json(refusal).encode(), [kind, *headers])


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            added = [each for each in _HEADERS if each[0] not in present]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return sending
