"""`GET /transcripts/{id}` and its words.

A meeting of three hours has megabytes of words. They are not part of the transcript, but come
page by page: every answer is small, and who wants the title reads no words.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import defer

from reference_workers.platform.api.ids import TranscriptId
from reference_workers.platform.api.problems import problem_responses
from reference_workers.platform.api.resources import ApiResources
from reference_workers.platform.state.models import Transcript
from reference_workers.platform.state.repository import State

WORDS_AT_ONCE = 5000
WORDS_MAX = 1_000_000_000


class TranscriptAnswer(BaseModel):
    """What came out of a recording so far, without the words."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    recording_id: str | None
    room_id: str | None
    status: Literal["idle", "uploaded", "processing", "ended", "error"]
    title: str | None
    long_summary: str | None
    short_summary: str | None
    topics: list[dict[str, Any]] = Field(description="As detect_topics' contract has them.")
    participants: list[dict[str, Any]] = Field(description="As get_participants' contract has.")
    duration: float | None = Field(description="Seconds.")
    source_language: str
    target_language: str
    audio_deleted: bool = Field(description="Whether somebody did not consent.")
    created_at: datetime


class Words(BaseModel):
    """Some words of a transcript, in the order they were said."""

    total: int = Field(description="How many there are in all.", ge=0)
    offset: int = Field(description="How many come before these.", ge=0)
    words: list[dict[str, Any]] = Field(description="As merge_transcripts' contract has them.")
    next_offset: int | None = Field(description="Where to go on; null at the end.")


router = APIRouter(tags=["transcripts"])


@router.get(
    "/transcripts/{transcript_id}",
    summary="A transcript without its words",
    responses=problem_responses(404, 422, 503),
)
def transcript(transcript_id: TranscriptId, resources: ApiResources) -> TranscriptAnswer:
    """Answer with what is there at the moment; follow the WebSocket to hear of changes."""
    return TranscriptAnswer.model_validate(read_transcript(resources.state, transcript_id))


@router.get(
    "/transcripts/{transcript_id}/words",
    summary="The words of a transcript, page by page",
    responses=problem_responses(404, 422, 503),
)
def words(
    transcript_id: TranscriptId,
    resources: ApiResources,
    offset: Annotated[int, Query(ge=0, le=WORDS_MAX)] = 0,
    limit: Annotated[int, Query(ge=1, le=WORDS_AT_ONCE)] = WORDS_AT_ONCE,
) -> Words:
    """Answer with at most `limit` words from `offset` on; go on at `next_offset`."""
    query = select(Transcript.words).where(Transcript.id == transcript_id)
    with resources.state.read_session() as session:
        found = session.scalars(query).first()
    if found is None:
        raise _no_transcript(transcript_id)
    end = offset + limit
    return Words(
        total=len(found),
        offset=offset,
        words=found[offset:end],
        next_offset=end if end < len(found) else None,
    )


def read_transcript(state: State, transcript_id: str) -> Transcript:
    """Return a transcript's row, whose words were not read.

    Raises:
        HTTPException: 404 where there is no such transcript.
        TransientError: The database does not answer.
    """
    query = (
        select(Transcript).where(Transcript.id == transcript_id).options(defer(Transcript.words))
    )
    with state.read_session() as session:
        row = session.scalars(query).first()
    if row is None:
        raise _no_transcript(transcript_id)
    return row


def _no_transcript(transcript_id: str) -> HTTPException:
    return HTTPException(HTTPStatus.NOT_FOUND, f"there is no transcript {transcript_id}")
