"""Endpoints that search: by a picture, by codes, by an image of the index."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar, final

from fastapi import FastAPI, Request, Response

from nachash.cores import usable_cores
from nachash.errors import UsageError
from nachash.results.serve import ServedAnswer, ServedHits
from nachash.server import answers, drawing, parameters
from nachash.server.answers import as_json
from nachash.server.direct import Direct
from nachash.server.upload import Uploads
from nachash.tasks.serve.service import Question, Service
from nachash.tasks.serve.upload import SLOW_AT_ONCE

T = TypeVar("T")

_CODES_BYTES: Final = 4 << 20  # the most codes of the greatest length take 1 MiB in hex
_AT_ONCE: Final = 1_000  # hits that are described without leaving the event loop
_MOST_DESCRIBED: Final = 100_000  # hits in one answer
_IMAGE: Final = {
    "requestBody": {
        "required": True,
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def add(api: FastAPI, service: Service, uploads: Uploads) -> None:
    """Add the endpoints."""
    asker = _Asker(service)

    @api.post(
        "/search",
        response_model=ServedAnswer,
        responses=answers.documented(404, 413, 415, 422, 503),
        openapi_extra=_IMAGE,
    )
    async def search(
        request: Request, wish: parameters.Wished, *, draw: parameters.Draw = False
    ) -> Response:
        """The images nearest to the picture in the body of the request, as its file's bytes."""
        async with uploads.body(request, service.settings.most_bytes) as data:
            question = await asker.aside(partial(service.of_picture, data, wish))
        return await asker.answer(question, draw=draw)

    @api.get(
        "/neighbours/{id}", response_model=ServedAnswer, responses=answers.documented(404, 422)
    )
    async def neighbours(
        id: parameters.Id,  # noqa: A002 (the name in the address)
        wish: parameters.Wished,
        *,
        draw: parameters.Draw = False,
    ) -> Response:
        """The images nearest to one of the index, without itself."""
        question = await asker.aside(lambda: service.of_image(id, wish))
        return await asker.answer(question, draw=draw)

    @api.post(
        "/search/codes",
        response_model=list[ServedAnswer] | ServedHits,
        responses=answers.documented(404, 413, 422, 503),
    )
    async def search_codes(asked: parameters.CodesAsked) -> Response:
        """The images nearest to each of some codes, described or (`brief`) by ids alone."""
        return await asker.answers(asked)

    api.add_middleware(
        Direct,
        path="/search/codes",
        model=parameters.CodesAsked,
        answer=asker.answers,
        handlers=api.exception_handlers,
        uploads=uploads,
        most_bytes=min(service.settings.most_bytes, _CODES_BYTES),
    )


@final
class _Asker:
    """Asks a service without keeping the event loop waiting."""

    def __init__(self, service: Service) -> None:
        self._service = service
        threads = usable_cores() + SLOW_AT_ONCE
        self._workers = ThreadPoolExecutor(threads, "nachash-encode")

    async def aside(self, work: Callable[[], T]) -> T:
        """The result of work that takes a core, done while other requests are answered."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, work)

    async def answer(self, question: Question, *, draw: bool) -> Response:
        """The answer to one query."""
        hits = await asyncio.wrap_future(self._service.look_up(question))

        def described() -> ServedAnswer:
            (answer,) = self._service.answers(question, hits)
            return drawing.drawn(answer) if draw else answer

        slow = question.wish.counts or draw
        return as_json(await self.aside(described) if slow else described())

    async def answers(self, asked: parameters.CodesAsked) -> Response:
        """The answers to codes; a single one without a filter is not worth a thread."""
        codes, wish = asked.codes, asked.wish
        if not asked.brief and len(codes) * wish.k > _MOST_DESCRIBED:
            raise UsageError(
                f"{len(codes):,} codes with {wish.k:,} images each are too many to describe",
                f"ask for at most {_MOST_DESCRIBED:,} at once, or for brief answers",
            )
        if wish.where or wish.under:
            question = await self.aside(lambda: self._service.of_codes(codes, wish))
        else:
            question = self._service.of_codes(codes, wish)
        hits = await asyncio.wrap_future(self._service.look_up(question))

        def written() -> Response:
            if asked.brief:
                return as_json(self._service.brief(question, hits))
            return as_json(self._service.answers(question, hits), tuple[ServedAnswer, ...])

        return await self.aside(written) if len(hits.ids) > _AT_ONCE else written()
