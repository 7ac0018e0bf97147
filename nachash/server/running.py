"""The server as a process: its socket, its start, its end by Ctrl-C."""

import logging
import os
import signal
import socket
import sys
import threading
import webbrowser
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final, cast, final

import uvicorn

from nachash.errors import UsageError
from nachash.server.access import EVERYWHERE, Access, is_loopback
from nachash.server.application import application
from nachash.server.connections import Connections, Limits
from nachash.tasks.serve.service import Service

_log = logging.getLogger(__name__)

_WAITING: Final = 2048  # connections
_LAST_ANSWERS: Final = 3  # seconds that requests get when the server ends
_LAST_WORK: Final = 5  # seconds after which work that nobody waits for any more is given up
_TURN: Final = 0.0002  # seconds; at Python's 5 ms a search waits longer for its turn than it takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the server listens, port 0 being any free one, and who may reach it how.

    `allowed` are names besides its own. A token of None is none at all.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    open_browser: bool = False
    allowed: tuple[str, ...] = ()
    token: str | None = None
    limits: Limits = field(default_factory=Limits)


def run(service: Service, place: Place, *, leave: bool = False) -> None:
    """Serve until Ctrl-C or SIGTERM; requests that are being answered then are finished.

    With `leave`, the process ends a few seconds later even where a search or a picture still
    takes the processor.

    Raises:
        UsageError: the address or port cannot be had.
    """
    access = Access.of(place.host, place.allowed, place.token)
    guarded = application(service, access, limits=place.limits)
    server = _Server(_config(guarded, place), leave=leave)
    with _listening(place) as listener:
        sys.setswitchinterval(_TURN)
        try:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            _announce(service, place, listener.getsockname()[1])
            server.run(sockets=[listener])
        except KeyboardInterrupt:  # uvicorn raises the signal again after all was closed
            _log.info("ended")
            if leave:  # also when the signal came before uvicorn saw it
                _leave_soon()


def _announce(
    service: Service,
    place: Place,
    port: int,
) -> None:
    """Say where the page is, and who can reach it; the socket listens already."""
    address = _address(place, port)
    _log.info("serving %s images at %s (Ctrl-C ends it)", f"{service.snapshot.rows:,}", address)
    if place.host in EVERYWHERE:
        _log.info("other machines reach it at any address of this one")
    if not is_loopback(place.host) and place.token is None:
        _log.info("anyone who reaches it can search and see these images")
    if place.open_browser:
        webbrowser.open(address)


def _config(guarded: Any, place: Place) -> uvicorn.Config:
    connections = Connections(place.limits)
    return uvicorn.Config(
        guarded,
        http=cast("type", connections.protocol),
        ws="none",
        log_config=None,
        log_level="critical",  # the guard says what failed; slow clients and bad requests are many
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=place.limits.idle,
        timeout_graceful_shutdown=_LAST_ANSWERS,
    )


@final
class _Server(uvicorn.Server):
    """uvicorn's server, whose process does not outlive a signal by more than a few seconds."""

    def __init__(self, config: uvicorn.Config, *, leave: bool) -> None:
        super().__init__(config)
        self._leave = leave

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        if self._leave and not self.should_exit:
            _leave_soon()
        super().handle_exit(sig, frame)


def _leave_soon() -> None:
    threading.Thread(target=_give_up, name="nachash-end", daemon=True).start()


def _give_up() -> None:
    """End the process when it has not ended by itself, and the processes that it started."""
    threading.Event().wait(_LAST_ANSWERS + _LAST_WORK)
    if "multiprocessing" in sys.modules:
        for child in sys.modules["multiprocessing"].active_children():
            child.kill()
    os._exit(0)


def _listening(place: Place) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        return socket.create_server((place.host, place.port), family=family, backlog=_WAITING)
    except OverflowError as error:
        raise UsageError(f"there is no port {place.port}", "--port 0 takes a free one") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"{place.host} port {place.port} cannot be listened on: {reason.lower()}",
            "--port 0 takes a free one",
        ) from error


def _address(place: Place, port: int) -> str:
    """An address that this machine can open, with the token."""
    host = EVERYWHERE.get(place.host, place.host)
    bracketed = f"[{host}]" if ":" in host else host
    return f"http://{bracketed}:{port}/" + (f"?token={place.token}" if place.token else "")
