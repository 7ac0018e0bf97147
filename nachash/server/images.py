"""Endpoints that show the images of the index: a sample, a thumbnail, what is served."""

from typing import Annotated

from fastapi import FastAPI, Header, Response

from nachash.results.serve import Health, ServedSample
from nachash.server import answers, drawing, parameters
from nachash.server.answers import as_json
from nachash.tasks.serve.service import Service


def add(api: FastAPI, service: Service) -> None:
    """Add the endpoints."""

    @api.get("/sample", response_model=ServedSample, responses=answers.documented(404, 422))
    def sample(
        where: parameters.Where = (),
        under: parameters.Under = (),
        count: parameters.Count = 48,
    ) -> Response:
        """Some images of the index, evenly spread over what the filter leaves."""
        return as_json(service.sample(count, tuple(where), tuple(under)))

    @api.get(
        "/thumb/{id}",
        response_class=Response,
        responses={
            200: {"content": {"image/jpeg": {}, "image/png": {}}},
            304: {"description": "The one with that ETag is still right"},
            **answers.documented(404, 422),
        },
    )
    def thumb(
        id: parameters.Id,  # noqa: A002 (the name in the address)
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """A small picture of an image of the index."""
        tag = service.tag(id)
        headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
        if if_none_match and f'"{tag}"' in if_none_match:
            return Response(status_code=304, headers=headers)
        picture = service.thumbnail(id, tag)
        return Response(picture.data, media_type=picture.media_type, headers=headers)

    @api.get("/health", response_model=Health)
    async def health() -> Response:
        """What is served, and whether all is well."""
        return as_json(service.health(*drawing.grid(service.snapshot.bits)))
