"""A middleware that answers one address without the framework's way to an endpoint.

For a small body FastAPI's own way (routes tried in turn, an e-mail parser for the content type, a
tree of dependencies, JSON to Python to model) takes two tenths of a millisecond, about what a
search of 200,000 codes takes. The endpoint is declared as all others are, for the description of
the API and for what comes by another method.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, final

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from nachash.server.upload import Uploads

_JSON: Final = "application/json"


@final
class Direct:
    """Answers what is posted to `path`, JSON that fits `model`; the rest is left to the app."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        path: str,
        model: type[BaseModel],
        answer: Callable[[Any], Awaitable[Response]],
        handlers: Mapping[Any, Any],
        uploads: Uploads,
        most_bytes: int,
    ) -> None:
        self._app = app
        self._path = path
        self._read = TypeAdapter(model).validate_json
        self._answer = answer
        self._uploads, self._most_bytes = uploads, most_bytes
        self._direct = ExceptionMiddleware(self._answered, handlers=handlers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        own = scope["type"] == "http" and scope["path"] == self._path and scope["method"] == "POST"
        await (self._direct if own else self._app)(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(await self._body(Request(scope, receive)))
        await response(scope, receive, send)

    async def _body(self, request: Request) -> BaseModel:
        if not request.headers.get("content-type", "").startswith(_JSON):
            raise RequestValidationError(
                [{"loc": ("body",), "msg": "the body must be sent as application/json"}]
            )
        try:
            async with self._uploads.body(request, self._most_bytes) as data:
                return self._read(data)
        except ValidationError as error:
            raise RequestValidationError(
                [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
            ) from error
