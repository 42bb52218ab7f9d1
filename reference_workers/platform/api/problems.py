"""Every refusal has one shape: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from reference_workers.errors import PermanentError, TransientError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = {"Retry-After": "5"}
"""Seconds."""

DESCRIPTIONS = {
    401: "A token is needed, and none of ours was given.",
    403: "Without tokens only callers on the same machine are served.",
    404: "There is no such thing (yet).",
    410: "It was deleted, since somebody did not consent.",
    416: "The part that was asked for is not in it.",
    422: "The request breaks a rule of this document.",
    500: "A fault of ours; the log has more.",
    502: "What we depend on refuses.",
    503: "What we depend on does not answer; come back later.",
}

log = structlog.get_logger()


class Problem(BaseModel):
    """Why a request got no answer."""

    type: str = Field(default="about:blank", description="Nothing beyond the status.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened, and what to do.")


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says about refusals with these statuses, and about faults of ours."""
    schema = Problem.model_json_schema()
    return {
        status: {
            "description": DESCRIPTIONS[status],
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in (*statuses, 500)
    }


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a refusal."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(body.model_dump(), status, headers, MEDIA_TYPE)


def install_handlers(app: FastAPI) -> None:
    """Have everything that can go wrong answered as a problem."""

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers) if error.headers else None
        return problem(error.status_code, error.detail, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # Where and why, never what was sent: that is the sender's own business.
        said = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(said))

    @app.exception_handler(TransientError)
    async def away(request: Request, error: TransientError) -> JSONResponse:
        log.warning("no answer for a caller", path=request.url.path, cause=str(error))
        detail = "the database or the storage does not answer; try again later"
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, RETRY_AFTER)

    @app.exception_handler(PermanentError)
    async def refusing(request: Request, error: PermanentError) -> JSONResponse:
        log.error("refused on behalf of a caller", path=request.url.path, cause=str(error))
        return problem(HTTPStatus.BAD_GATEWAY, "the storage refuses to serve us; see our log")

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected failure", path=request.url.path, exc_info=error)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of ours; see our log")
