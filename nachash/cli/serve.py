"""`nachash serve`: a local page on which pictures are dropped and similar ones looked at."""

from pathlib import Path
from typing import Annotated

import typer

from nachash.cli import _options as options
from nachash.cli import _terminal as terminal
from nachash.images.sources.hosts import Hosts
from nachash.settings import SetBy


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
    allow_host: options.AllowHost = None,
    debug: options.Debug = False,
) -> None:
    """Serve a page and a JSON API that search an index by pictures dropped on it.

    Ends with Ctrl-C and exit code 0. Without --watch the index is served as it was at the start.
    """
    from nachash.server.running import Place, run
    from nachash.tasks.serve.service import ServeSettings, Service

    place = Place(host=host, port=port, open_browser=open_browser)
    settings = ServeSettings(index=index, watch=watch, hosts=Hosts.of(allow_host or ()))
    with Service(settings, choice=terminal.note) as service:
        run(service, place, told=terminal.note)
