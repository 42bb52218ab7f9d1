"""Error responses as `application/problem+json` (RFC 9457)."""

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
    401: "Missing or invalid token.",
    403: "Without API_TOKENS only callers on the same machine are served.",
    404: "Not found, or not available yet.",
    410: "Deleted because a participant denied consent.",
    416: "The range is not satisfiable.",
    422: "The request does not match this document.",
    500: "Internal error; see the log.",
    502: "The storage refused the request.",
    503: "The database or the storage does not answer; retry later.",
}

log = structlog.get_logger()


class Problem(BaseModel):
    """Error response."""

    type: str = Field(default="about:blank", description="No type beyond the status.")
    title: str = Field(description="The status phrase.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened, and what to do.")


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses for these error statuses and for 500."""
    schema = Problem.model_json_schema()
    return {
        status: {
            "description": DESCRIPTIONS[status],
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in (*statuses, 500)
    }


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an error response."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(body.model_dump(), status, headers, MEDIA_TYPE)


def install_handlers(app: FastAPI) -> None:
    """Turn every exception into a problem response."""

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers) if error.headers else None
        return problem(error.status_code, error.detail, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid_request(_: Request, error: RequestValidationError) -> JSONResponse:
        # Location and reason only: the input may be private.
        details = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(details))

    @app.exception_handler(TransientError)
    async def transient(request: Request, error: TransientError) -> JSONResponse:
        log.warning("request failed for now", path=request.url.path, cause=str(error))
        detail = "the database or the storage does not answer; retry later"
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, RETRY_AFTER)

    @app.exception_handler(PermanentError)
    async def permanent(request: Request, error: PermanentError) -> JSONResponse:
        log.error("request refused by the storage", path=request.url.path, cause=str(error))
        return problem(HTTPStatus.BAD_GATEWAY, "the storage refused the request; see the log")

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected failure", path=request.url.path, exc_info=error)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; see the log")
