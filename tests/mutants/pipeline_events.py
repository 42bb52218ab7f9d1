"""Mutants of the events and statuses of whole meetings, and of meetings beside each other."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from reference_workers.platform.state.models import Recording, Transcript
from reference_workers.platform.state.unit_of_work import UnitOfWork
from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import around, change_event, replace, rewrite

PROGRESS = "PIPELINE_PROGRESS"

mutant = Collection("pipeline")


@mutant("progress-schema")
def branches_are_steps() -> None:
    """total_steps counts the branches of dynamic forks."""
    change_event(
        PROGRESS,
        lambda data: {**data, "total_steps": data["total_steps"] + data.get("branches_total", 0)},
    )


@mutant("progress-schema")
def one_branch_too_many_done() -> None:
    """branches_done counts the branch that has just started."""
    change_event(
        PROGRESS,
        lambda data: (
            {**data, "branches_done": data["branches_done"] + 1} if "branch" in data else data
        ),
    )


@mutant("progress-schema")
def branches_total_of_those_started() -> None:
    """branches_total counts the branches that have started, not those of the fork."""
    old = "_record_branches(context, unit, output or {})"
    rewrite("platform.progress", "report_progress", old, "pass")


@mutant("progress-schema")
def branch_without_its_name() -> None:
    """A branch's progress names its fork's step, not the branch."""
    change_event(
        PROGRESS,
        lambda data: (
            {**data, "branch": data["current_step"].rsplit("_", 1)[0]} if "branch" in data else data
        ),
    )


@mutant("progress-end")
def end_is_emitted_twice() -> None:
    """The end of a task is emitted twice."""
    append = UnitOfWork._append

    def twice(self: UnitOfWork, name: str, data: Any, event_id: str) -> None:
        append(self, name, data, event_id)
        if name == PROGRESS and data["step_status"] == "completed":
            append(self, name, data, f"{event_id[:-1]}g")

    UnitOfWork._append = twice  # type: ignore[method-assign]


@mutant("progress-end")
def end_before_the_result() -> None:
    """A task's end is emitted when it starts, before its result."""
    rewrite(
        "platform.progress",
        "report_progress",
        "            if is_final and not step.optional:",
        "            if progress == 'in_progress':\n"
        "                data = {**data, 'step_status': 'completed'}\n"
        "                done = _identity(context.task_id, 'completed')\n"
        "                unit.emit(PROGRESS, data, identity=done)\n"
        "            if is_final and not step.optional:",
    )


@mutant("events")
def ended_before_the_title() -> None:
    """STATUS reports the end when the waveform is there."""

    def make(work: Worker) -> Worker:
        def early(context: Any, **inputs: Any) -> dict[str, Any]:
            with context.unit_of_work(inputs["transcript_id"]) as unit:
                unit.set_status("ended")
            return work(context, **inputs)

        return early

    around("generate_waveform", make)


@mutant("events")
def final_events_first() -> None:
    """FINAL_TITLE is emitted before the topics."""

    def make(work: Worker) -> Worker:
        def early(context: Any, **inputs: Any) -> dict[str, Any]:
            with context.unit_of_work(inputs["transcript_id"]) as unit:
                unit.emit("FINAL_TITLE", {"title": "Meeting"})
            return work(context, **inputs)

        return early

    around("detect_topics", make)


@mutant("status-error")
def optional_failure_is_an_error() -> None:
    """A failed post_zulip or send_webhook sets the status error."""

    def make(work: Worker) -> Worker:
        def strict(context: Any, **inputs: Any) -> dict[str, Any]:
            output = work(context, **inputs)
            if not output["sent"]:
                with context.unit_of_work(inputs["transcript_id"]) as unit:
                    unit.set_status("error")
            return output

        return strict

    around("send_webhook", make)


@mutant("status-error")
def error_is_reported_only() -> None:
    """STATUS reports the error, and the row keeps its status."""

    def make(set_status: Any) -> Any:
        def kept(self: UnitOfWork, status: str) -> None:
            before = self.transcript.status
            set_status(self, status)
            if status == "error":
                self.transcript.status = before

        return kept

    replace("platform.state.unit_of_work:UnitOfWork", "set_status", make)
    replace("platform.reconciler:Reconciler", "_run", lambda _: lambda self: None)


@mutant("status-error")
def later_step_resumes() -> None:
    """The start of any step sets the status processing again, also beside a failed branch."""
    rewrite(
        "platform.progress",
        "_record_start",
        'if context.attempt > 0 and unit.transcript.status == "error":',
        'if unit.transcript.status in ("ended", "error"):',
    )


@mutant("terminated")
def nobody_looks_for_lost_meetings() -> None:
    """A meeting whose workflow ends without a worker stays in processing."""
    replace("platform.reconciler:Reconciler", "_run", lambda _: lambda self: None)


@mutant("status-error")
def first_failed_attempt_is_final() -> None:
    """The status is error after the first failed attempt, and processing again with the retry."""
    rewrite("executor", "_is_final", "context.attempt >= retries", "True")


@mutant("workflow-id")
def workflow_of_the_rooms_newest_recording() -> None:
    """The workflow id is stored on another recording of the same room."""

    def make(assign: Any) -> Any:
        def of_room(self: UnitOfWork, workflow_id: str, *, replace: bool) -> None:
            query = (
                select(Recording)
                .join(Transcript, Transcript.recording_id == Recording.id)
                .where(Transcript.room_id == self.transcript.room_id)
                .order_by(Recording.id)
            )
            newest = self.session.scalars(query).first()
            if newest is not None and (replace or newest.workflow_id is None):
                newest.workflow_id = workflow_id

        return of_room

    replace("platform.state.unit_of_work:UnitOfWork", "assign_workflow", make)


@mutant("deliveries")
def webhook_of_the_rooms_newest_meeting() -> None:
    """send_webhook sends the newest transcript of the room."""

    def make(transcript: Any) -> Any:
        def newest(self: Any, transcript_id: str) -> Any:
            found = transcript(self, transcript_id)
            with self.read_session() as session:
                query = select(Transcript.id).where(Transcript.room_id == found.room_id)
                ids = sorted(session.scalars(query))
            return transcript(self, ids[-1])

        return newest

    replace("platform.state.repository:State", "transcript", make)


@mutant("completes")
def transcript_by_the_beginning_of_its_id() -> None:
    """A row is looked up by the beginning of its id."""

    def make(locked: Any) -> Any:
        def by_beginning(session: Any, transcript_id: str) -> Any:
            query = select(Transcript.id).where(Transcript.id.startswith(transcript_id))
            ids = sorted(session.scalars(query))
            return locked(session, ids[-1] if ids else transcript_id)

        return by_beginning

    replace("platform.state.repository", "_locked", make)


@mutant("joins")
def silent_track_ends_the_list() -> None:
    """Words of tracks after a silent one are left out."""
    rewrite(
        "workers.merge_transcripts",
        "merge_transcripts",
        'words = [word for branch in branches for word in branch["words"]]',
        "words = []\n"
        '    for branch in sorted(branches, key=lambda branch: branch["track_index"]):\n'
        '        if not branch["words"]:\n'
        "            break\n"
        '        words += branch["words"]',
    )


@mutant("completes")
def silent_track_fails_the_meeting() -> None:
    """A track without words fails its meeting."""

    def make(work: Worker) -> Worker:
        def heard(context: Any, **inputs: Any) -> dict[str, Any]:
            output = work(context, **inputs)
            return {**output, "words": output["words"] or None}

        return heard

    around("transcribe_track", make)


@mutant("progress-start")
def no_progress_of_get_recording() -> None:
    """The first step, whose input has no transcript, emits nothing."""
    rewrite(
        "executor",
        "_transcript_id",
        "return context.clients.state.transcript_id_of_recording(recording_id)",
        "return None",
    )
