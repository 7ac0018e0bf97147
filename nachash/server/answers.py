"""Records and errors as answers: an error is a status and a sentence in JSON."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException

from nachash.errors import ImageError, MissingError, NachashError, UsageError
from nachash.records import to_json
from nachash.results.serve import Refusal
from nachash.tasks.serve.upload import Fault, UploadError

_FAULTS: Final = {Fault.TOO_LARGE: 413, Fault.NO_IMAGE: 415, Fault.DAMAGED: 422, Fault.BUSY: 503}

_writers: Final[dict[Any, Callable[[Any], bytes]]] = {}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals that an endpoint can answer with, for its description."""
    meanings = {
        400: "The request cannot be read",
        404: "There is no such image, or its file is gone",
        413: "The upload has too many bytes or pixels",
        415: "The upload is not an image",
        422: "A parameter, a filter or a damaged image cannot be used",
        503: "Too many other uploads are on their way or being read; send it again",
    }
    return {status: {"model": Refusal, "description": meanings[status]} for status in statuses}


def install(application: FastAPI) -> None:
    """Answer every error that a client can cause with one sentence."""

    @application.exception_handler(NachashError)
    def refused(_: Request, error: NachashError) -> Response:
        return answer(_status(error), error.sentence, error.hint)

    @application.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> Response:
        return answer(422, _sentence(error))

    @application.exception_handler(Exception)
    def failed(_: Request, __: Exception) -> Response:  # the guard reports it
        return answer(500, "the server failed at this request", "its output says how")

    @application.exception_handler(HTTPException)
    def unknown(_: Request, error: HTTPException) -> Response:
        response = answer(error.status_code, str(error.detail).lower())
        response.headers.update(error.headers or {})
        return response


def as_json(record: Any, kind: Any = None) -> Response:
    """A record as the answer to a request; several need their `kind`, such as `list[Health]`."""
    content = _writer(kind or type(record))(record)
    return Response(content, media_type="application/json")


def _writer(kind: Any) -> Callable[[Any], bytes]:
    """What writes records of a kind as JSON, several times as fast as `records.to_json`."""
    if kind not in _writers:
        _writers[kind] = TypeAdapter(kind).dump_json
    return _writers[kind]


def answer(status: int, sentence: str, hint: str = "") -> Response:
    """A refusal as JSON."""
    return Response(to_json(Refusal(sentence, hint)), status, media_type="application/json")


def _status(error: NachashError) -> int:
    match error:
        case UploadError():
            return _FAULTS[error.fault]
        case MissingError() | ImageError():
            return 404
        case UsageError():
            return 422
        case _:
            return 500


def _sentence(error: RequestValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    message = str(first["msg"])
    return f"{where}: {message[:1].lower()}{message[1:]}" if where else message
