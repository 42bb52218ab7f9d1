"""`GET /recordings/{id}`: a recording and the status of its workflow."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from reference_workers.platform.api.conductor_status import Conductor, ConductorStatusError
from reference_workers.platform.api.ids import RecordingId
from reference_workers.platform.api.problems import problem_responses
from reference_workers.platform.api.resources import ApiResources
from reference_workers.platform.state.models import Recording, Transcript
from reference_workers.platform.state.repository import State

UNKNOWN = "UNKNOWN"


class Workflow(BaseModel):
    """The workflow that processes a recording."""

    id: str
    status: str = Field(
        description="Conductor's status (RUNNING, COMPLETED, FAILED, TIMED_OUT, TERMINATED, "
        f"PAUSED), or {UNKNOWN}."
    )
    cause: str | None = Field(description=f"Why the status is {UNKNOWN}; otherwise null.")


class RecordingAnswer(BaseModel):
    """One multitrack recording."""

    id: str
    meeting_id: str | None = Field(description="Daily's id of the session.")
    tracks: int = Field(description="Number of tracks.", ge=0)
    transcript_id: str | None = Field(description="Id of its transcript.")
    workflow: Workflow | None = Field(description="Null before a workflow is started.")


router = APIRouter(tags=["recordings"])


@router.get(
    "/recordings/{recording_id}",
    summary="A recording and the status of its workflow",
    responses=problem_responses(404, 422, 503),
)
async def recording(recording_id: RecordingId, resources: ApiResources) -> RecordingAnswer:
    """Return the recording; without an answer from Conductor the status is UNKNOWN."""
    row, transcript_id = await run_in_threadpool(_read, resources.state, recording_id)
    workflow = None
    if row.workflow_id is not None:
        workflow = await _workflow(resources.conductor, row.workflow_id)
    return RecordingAnswer(
        id=row.id,
        meeting_id=row.meeting_id,
        tracks=len(row.track_keys),
        transcript_id=transcript_id,
        workflow=workflow,
    )


def _read(state: State, recording_id: str) -> tuple[Recording, str | None]:
    with state.read_session() as session:
        row = session.get(Recording, recording_id)
        if row is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no recording {recording_id}")
        query = select(Transcript.id).where(Transcript.recording_id == recording_id)
        return row, session.scalars(query).first()


async def _workflow(conductor: Conductor, workflow_id: str) -> Workflow:
    try:
        answer = await conductor.workflow(workflow_id)
    except ConductorStatusError as error:
        return Workflow(id=workflow_id, status=UNKNOWN, cause=str(error))
    if answer.status == HTTPStatus.NOT_FOUND:
        return Workflow(id=workflow_id, status=UNKNOWN, cause="unknown to Conductor")
    status = answer.body.get("status")
    if answer.status != HTTPStatus.OK or not isinstance(status, str):
        cause = f"Conductor answered {answer.status} without a status"
        return Workflow(id=workflow_id, status=UNKNOWN, cause=cause)
    return Workflow(id=workflow_id, status=status, cause=None)
