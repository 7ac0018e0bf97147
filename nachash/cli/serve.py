"""`nachash serve`: a local page on which pictures are dropped and similar ones looked at."""

import os
from pathlib import Path
from typing import Annotated

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal
from nachash.errors import UsageError
from nachash.images.sources.hosts import Hosts
from nachash.settings import SetBy

_TOKEN_LENGTH = 1000


def command(
    index: Annotated[
        Path | None, typer.Argument(help="Index; default: the index as in search.")
    ] = None,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; the default is this machine alone."),
        SetBy.OWNER,
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes any free port."), SetBy.OWNER
    ] = 8000,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser."), SetBy.OWNER
    ] = False,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Take up what is added to the index while it is served."),
        SetBy.OWNER,
    ] = False,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host",
            metavar="NAME",
            help="A name by which browsers reach this server, besides localhost and its address; "
            "may be given several times.",
        ),
        SetBy.OWNER,
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="File whose first line is the token that requests need; otherwise $NACHASH_TOKEN, "
            "else a new one where other machines reach the server, else none.",
        ),
        SetBy.OWNER,
    ] = None,
    no_token: Annotated[
        bool,
        typer.Option("--no-token", help="Let in whoever reaches the server."),
        SetBy.OWNER,
    ] = False,
    allow_host: options.AllowHost = None,
    debug: options.Debug = False,
) -> None:
    """Serve a page and a JSON API that search an index by pictures dropped on it.

    Ends with Ctrl-C and exit code 0. Without --watch the index is served as it was at the start.
    """
    from nachash.server.running import Place, run
    from nachash.tasks.serve.service import ServeSettings, Service

    place = Place(
        host=host,
        port=port,
        open_browser=open_browser,
        allowed=tuple(allowed_host or ()),
        token=None if no_token else _token(token_file, host),
    )
    settings = ServeSettings(index=index, watch=watch, hosts=Hosts.of(allow_host or ()))
    with Service(settings, choice=terminal.note) as service:
        run(service, place, told=terminal.note, leave=True)


def _token(file: Path | None, host: str) -> str | None:
    """The token that was chosen, else a new one beyond loopback.

    Raises:
        UsageError: it is no token, or the file cannot be read.
    """
    from nachash.server import access

    if file is not None:
        try:
            with file.open(encoding="ascii") as opened:
                return access.checked_token(opened.readline(_TOKEN_LENGTH).strip(), str(file))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise UsageError(f"{file} cannot be read: {reason.lower()}") from error
    if chosen := os.environ.get("NACHASH_TOKEN"):
        return access.checked_token(chosen, "$NACHASH_TOKEN")
    return None if access.is_loopback(host) else access.new_token()
