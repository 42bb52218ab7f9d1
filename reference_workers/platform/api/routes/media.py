"""`GET` and `HEAD /transcripts/{id}/audio`, and `GET /transcripts/{id}/waveform`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, TypeVar

import structlog
from botocore.exceptions import BotoCoreError
from botocore.response import StreamingBody
from fastapi import APIRouter, Header, HTTPException, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from reference_workers.errors import MissingError, PermanentError, TransientError
from reference_workers.platform.api.byte_ranges import (
    ByteRange,
    UnsatisfiableError,
    has_current_version,
    requested_range,
)
from reference_workers.platform.api.ids import TranscriptId
from reference_workers.platform.api.problems import problem_responses
from reference_workers.platform.api.resources import ApiResources, Resources
from reference_workers.platform.api.routes.transcripts import read_transcript
from reference_workers.services.object_keys import audio_key, waveform_file
from reference_workers.services.storage import ObjectInfo, Storage

T = TypeVar("T")

MEDIA_TYPE = "audio/mpeg"
CHUNK_BYTES = 64 * 1024
"""Bytes in memory for one response."""

_BYTES: dict[str, Any] = {
    "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}
}
_AUDIO = {
    200: {"description": "The whole file.", **_BYTES},
    206: {"description": "The requested range.", **_BYTES},
    304: {"description": "Not modified."},
} | problem_responses(404, 410, 416, 422, 502, 503)

log = structlog.get_logger()
router = APIRouter(tags=["transcripts"])


class Waveform(BaseModel):
    """The mixdown's waveform."""

    data: list[float] = Field(description="Peaks, 0 to 1.")


@router.head(
    "/transcripts/{transcript_id}/audio",
    summary="Size and version of the mixdown",
    responses=_AUDIO,
    response_class=Response,
)
@router.get(
    "/transcripts/{transcript_id}/audio",
    summary="The mixdown",
    responses=_AUDIO,
    response_class=StreamingResponse,
)
async def audio(
    transcript_id: TranscriptId,
    request: Request,
    resources: ApiResources,
    range: Annotated[  # noqa: A002 - the header's name
        str | None, Header(description="One range of bytes; several get the whole file.")
    ] = None,
    if_range: Annotated[str | None, Header(description="ETag or date of a version.")] = None,
    if_none_match: Annotated[str | None, Header(description="ETags of known versions.")] = None,
) -> Response:
    """Return the MP3, or the part given by `Range`.

    404 until it exists, 410 after it was deleted because a participant denied consent.
    """
    row = await run_in_threadpool(read_transcript, resources.state, transcript_id)
    if row.audio_deleted:
        raise HTTPException(HTTPStatus.GONE, "the audio was deleted: a participant denied consent")
    key = audio_key(transcript_id)
    try:
        stored = await _in_storage(resources, resources.storage.head, key)
    except MissingError:
        raise HTTPException(HTTPStatus.NOT_FOUND, "no audio yet") from None
    headers = _headers(stored)
    if has_current_version(if_none_match, stored.etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if request.method == "HEAD":
        headers["Content-Length"] = str(stored.size)
        return Response(headers=headers, media_type=MEDIA_TYPE)
    try:
        part = requested_range(
            request.headers, size=stored.size, etag=stored.etag, modified_at=stored.modified_at
        )
    except UnsatisfiableError:
        raise HTTPException(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"the range contains none of the {stored.size} bytes",
            {"Content-Range": f"bytes */{stored.size}"},
        ) from None
    return await _answer(resources, key, stored, part, headers)


@router.get(
    "/transcripts/{transcript_id}/waveform",
    summary="The mixdown's waveform",
    responses=problem_responses(404, 422, 503),
)
def waveform(transcript_id: TranscriptId, resources: ApiResources) -> Waveform:
    """Return the peaks that generate_waveform stored."""
    read_transcript(resources.state, transcript_id)
    path = waveform_file(resources.settings.data_dir, transcript_id)
    return _read_waveform(path)


def _read_waveform(path: Path) -> Waveform:
    try:
        return Waveform.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise HTTPException(HTTPStatus.NOT_FOUND, "no waveform yet") from None
    except (OSError, ValidationError) as error:
        raise TransientError(f"waveform: unreadable ({type(error).__name__})") from error


def _headers(stored: ObjectInfo) -> dict[str, str]:
    return {
        "Accept-Ranges": "bytes",
        "ETag": stored.etag,
        "Last-Modified": format_datetime(stored.modified_at, usegmt=True),
        # Always revalidate: the audio may be deleted.
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }


async def _answer(
    resources: Resources,
    key: str,
    stored: ObjectInfo,
    part: ByteRange | None,
    headers: dict[str, str],
) -> Response:
    """Return a response with a part of an object, or with the whole."""
    sent = part or ByteRange(0, stored.size - 1)
    headers["Content-Length"] = str(sent.size)
    if not sent.size:
        return Response(headers=headers, media_type=MEDIA_TYPE)
    body = await _in_storage(resources, _open, resources.storage, key, sent, stored.etag)
    status = HTTPStatus.OK
    if part is not None:
        status = HTTPStatus.PARTIAL_CONTENT
        headers["Content-Range"] = f"bytes {part.first}-{part.last}/{stored.size}"
    return StreamingResponse(_chunks(resources, body), status, headers, MEDIA_TYPE)


def _open(storage: Storage, key: str, part: ByteRange, etag: str) -> StreamingBody:
    try:
        return storage.open_range(key, part.first, part.last, etag=etag)
    except PermanentError as error:  # it was readable a moment ago: retry
        raise TransientError(f"{key} changed during the request: {error}") from error


async def _chunks(resources: Resources, body: StreamingBody) -> AsyncIterator[bytes]:
    try:
        while chunk := await _in_storage(resources, body.read, CHUNK_BYTES):
            yield chunk
    except BotoCoreError as error:
        log.warning("storage read failed", cause=type(error).__name__)
        # The response has started with a declared length: it can only be cut off.
        raise TransientError("storage read failed") from None
    finally:
        body.close()


async def _in_storage(resources: Resources, call: Callable[..., T], *arguments: object) -> T:
    """Call on one of the storage threads."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(resources.storage_threads, call, *arguments)
