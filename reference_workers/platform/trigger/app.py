"""The endpoint for Daily's webhooks as an ASGI app."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from reference_workers.errors import MissingError, PermanentError, TransientError
from reference_workers.platform.trigger.daily_webhook import (
    SignatureCheck,
    SignatureError,
    finished_recording,
)
from reference_workers.platform.trigger.process import Trigger

PATH = "/webhooks/daily"

MAX_BODY_BYTES = 1_000_000
"""Size limit of an event; one with 1,000 tracks has 200 KB."""

log = structlog.get_logger()


class _BodyTooLargeError(Exception):
    pass


def create_app(trigger: Trigger, check: SignatureCheck, *, bucket_name: str) -> Starlette:
    """Return the app.

    Args:
        trigger: What starts pipelines.
        check: Checks the events' signatures.
        bucket_name: The bucket of the raw tracks.
    """

    async def receive(request: Request) -> JSONResponse:
        """Start a pipeline for a finished recording.

        ---
        summary: Daily's webhook
        description: Starts the pipelines of the switch for a finished recording, each once.
        parameters:
          - {name: X-Webhook-Timestamp, in: header, required: true, schema: {type: string},
             description: Milliseconds since the epoch.}
          - {name: X-Webhook-Signature, in: header, required: true, schema: {type: string},
             description: Base64 HMAC-SHA256 of `timestamp.body` with DAILY_WEBHOOK_SECRET.}
        requestBody:
          description: An event of Daily as JSON, at most 1 MB.
        responses:
          200: {description: "`processed`, and the `transcript_id` of a processed recording."}
          401: {description: The signature is missing or wrong, or the time too far away.}
          404: {description: Nobody knows the room.}
          413: {description: The event is too large.}
          422: {description: No acceptable recording.}
          503: {description: Database or broker do not answer; Daily sends it again.}
        """
        try:
            body = await _body(request)
            check(
                body,
                signature=request.headers.get("X-Webhook-Signature", ""),
                timestamp=request.headers.get("X-Webhook-Timestamp", ""),
            )
        except _BodyTooLargeError:
            return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the event is too large")
        except SignatureError as error:
            return _refused(HTTPStatus.UNAUTHORIZED, str(error))
        try:
            return await run_in_threadpool(process, body)
        except MissingError as error:
            return _refused(HTTPStatus.NOT_FOUND, str(error))
        except PermanentError as error:
            return _refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        except TransientError as error:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    def process(body: bytes) -> JSONResponse:
        recording = finished_recording(body, bucket_name)
        if recording is None:
            return JSONResponse({"processed": False})
        transcript = trigger.process_multitrack_recording(recording)
        return JSONResponse({"processed": True, "transcript_id": transcript.id})

    return Starlette(routes=[Route(PATH, receive, methods=["POST"])])


async def _body(request: Request) -> bytes:
    """Return the request's body.

    Raises:
        _BodyTooLargeError: It is larger than the limit; the rest is not read.
    """
    parts, size = [], 0
    try:
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > MAX_BODY_BYTES:
                raise _BodyTooLargeError
    except ClientDisconnect:
        raise SignatureError("the caller left before the end of the event") from None
    return b"".join(parts)


def _refused(status: HTTPStatus, reason: str) -> JSONResponse:
    log.warning("webhook refused", status=int(status), cause=reason)
    return JSONResponse({"error": reason}, status)
