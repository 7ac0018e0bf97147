"""The server as a process: its socket, its start, its end by Ctrl-C."""

import signal
import socket
import sys
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn

from nachash.errors import UsageError
from nachash.server.application import application
from nachash.server.guard import own_hosts
from nachash.tasks.serve.service import Service

_WAITING = 2048  # connections
_LAST_ANSWERS = 5  # seconds that open requests get when the server ends
_TURN = 0.0002  # seconds; at Python's 5 ms a search waits longer for its turn than it takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the server listens; port 0 is any free one."""

    host: str = "127.0.0.1"
    port: int = 8000
    open_browser: bool = False


def run(service: Service, place: Place, *, told: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; requests that are being answered then are finished.

    Raises:
        UsageError: the address or port cannot be had.
    """
    with _listening(place) as listener:
        address = _address(place.host, listener.getsockname()[1])
        hosts = own_hosts(place.host)
        told(f"serving {service.snapshot.rows:,} images at {address} (Ctrl-C ends it)")
        if hosts is None:
            told(f"anyone who reaches {place.host} can search and see these images")
        if place.open_browser:
            webbrowser.open(address)  # the socket listens already
        config = uvicorn.Config(
            application(service, hosts),
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_LAST_ANSWERS,
        )
        sys.setswitchinterval(_TURN)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:  # uvicorn raises the signal again after all was closed
            told("ended")


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


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
