"""`GET /transcripts/{id}` and `GET /transcripts/{id}/words`.

A meeting of three hours has megabytes of words, so they are a paginated resource of their own.
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
    """A transcript without its words."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    recording_id: str | None
    room_id: str | None
    status: Literal["idle", "uploaded", "processing", "ended", "error"]
    title: str | None
    long_summary: str | None
    short_summary: str | None
    topics: list[dict[str, Any]] = Field(description="As in detect_topics' contract.")
    participants: list[dict[str, Any]] = Field(
        description="As in the contract of get_participants."
    )
    duration: float | None = Field(description="Seconds.")
    source_language: str
    target_language: str
    audio_deleted: bool = Field(description="Whether consent was denied and the audio deleted.")
    created_at: datetime


class Words(BaseModel):
    """A page of a transcript's words in time order."""

    total: int = Field(description="Number of all words.", ge=0)
    offset: int = Field(description="Number of words before this page.", ge=0)
    words: list[dict[str, Any]] = Field(description="As in merge_transcripts' contract.")
    next_offset: int | None = Field(description="Offset of the next page; null at the end.")


router = APIRouter(tags=["transcripts"])


@router.get(
    "/transcripts/{transcript_id}",
    summary="A transcript without its words",
    responses=problem_responses(404, 422, 503),
)
def transcript(transcript_id: TranscriptId, resources: ApiResources) -> TranscriptAnswer:
    """Return the current transcript; the WebSocket streams changes."""
    return TranscriptAnswer.model_validate(read_transcript(resources.state, transcript_id))


@router.get(
    "/transcripts/{transcript_id}/words",
    summary="A page of a transcript's words",
    responses=problem_responses(404, 422, 503),
)
def words(
    transcript_id: TranscriptId,
    resources: ApiResources,
    offset: Annotated[int, Query(ge=0, le=WORDS_MAX)] = 0,
    limit: Annotated[int, Query(ge=1, le=WORDS_AT_ONCE)] = WORDS_AT_ONCE,
) -> Words:
    """Return at most `limit` words from `offset`; continue at `next_offset`."""
    query = select(Transcript.words).where(Transcript.id == transcript_id)
    with resources.state.read_session() as session:
        all_words = session.scalars(query).first()
    if all_words is None:
        raise _no_transcript(transcript_id)
    end = offset + limit
    return Words(
        total=len(all_words),
        offset=offset,
        words=all_words[offset:end],
        next_offset=end if end < len(all_words) else None,
    )


def read_transcript(state: State, transcript_id: str) -> Transcript:
    """Return a transcript's row without loading its words.

    Raises:
        HTTPException: 404 if the transcript does not exist.
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
