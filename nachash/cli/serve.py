"""`nachash serve`: a local page on which pictures are dropped and similar ones looked at."""

import os
from pathlib import Path
from typing import Annotated

from nachash import options
from nachash.cli._declared import Debug, declared
from nachash.errors import UsageError
from nachash.images.sources.hosts import Hosts
from nachash.options import OWNER, Argument, Flag

_TOKEN_LENGTH = 1000


@declared()
def command(
    index: Annotated[Path | None, Argument("Index; default: the index as in search.")] = None,
    host: Annotated[
        str, Flag("Address to listen on; the default is this machine alone.", OWNER)
    ] = "127.0.0.1",
    port: Annotated[int, Flag("0 takes any free port.", OWNER, least=0, most=65535)] = 8000,
    open_browser: Annotated[
        bool, Flag("Open the page in the browser.", OWNER, ("--open",))
    ] = False,
    watch: Annotated[
        bool, Flag("Take up what is added to the index while it is served.", OWNER)
    ] = False,
    allowed_host: Annotated[
        list[str] | None,
        Flag(
            "A name by which browsers reach this server, besides localhost and its address; "
            "may be given several times.",
            OWNER,
            metavar="NAME",
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        Flag(
            "File whose first line is the token that requests need; otherwise $NACHASH_TOKEN, "
            "else a new one where other machines reach the server, else none.",
            OWNER,
            metavar="FILE",
        ),
    ] = None,
    no_token: Annotated[bool, Flag("Let in whoever reaches the server.", OWNER)] = False,
    allow_host: options.AllowHost = None,
    debug: Debug = False,
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
    with Service(settings) as service:
        run(service, place, leave=True)


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
