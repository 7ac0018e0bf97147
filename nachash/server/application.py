"""The page and the JSON API around a service, as an ASGI application."""

from importlib.resources import files
from typing import Final

from fastapi import FastAPI, Response

from nachash import __version__
from nachash.server import answers, images, searches
from nachash.server.access import Access
from nachash.server.connections import Limits
from nachash.server.guard import Guard
from nachash.server.upload import Uploads
from nachash.tasks.serve.service import Service

_PAGE: Final = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/script.js": ("script.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


def application(
    service: Service,
    access: Access,
    *,
    limits: Limits | None = None,
) -> Guard:
    """The application that answers from a service those who have access."""
    api = FastAPI(
        title="nachash",
        version=__version__,
        summary="Images of an index that look like another, by Hamming distance.",
        docs_url=None,  # these two pages load their scripts from elsewhere
        redoc_url=None,
    )
    answers.install(api)
    searches.add(api, service, Uploads(limits or Limits()))
    images.add(api, service)
    for address, (name, kind) in _PAGE.items():
        _add_file(api, address, name, kind)
    return Guard(api, access)


def _add_file(api: FastAPI, address: str, name: str, kind: str) -> None:
    content = (files("nachash.server") / "page" / name).read_bytes()

    @api.get(address, include_in_schema=False)
    async def page() -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})
