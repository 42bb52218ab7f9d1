"""Mutants of the pipeline that mix up meetings beside each other, or lose silent tracks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from reference_workers.platform.state.models import Recording, Transcript
from reference_workers.platform.state.unit_of_work import UnitOfWork
from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import around, replace, rewrite

mutant = Collection("pipeline")


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


@mutant("events")
def topics_for_the_whole_room() -> None:
    """Topics are sent to every meeting of the room."""
    append = UnitOfWork._append

    def to_room(self: UnitOfWork, name: str, data: Any, event_id: str) -> None:
        append(self, name, data, event_id)
        if name != "TOPIC":
            return
        own = self.transcript
        query = select(Transcript).where(Transcript.room_id == own.room_id, Transcript.id != own.id)
        for other in self.session.scalars(query).all():
            unit = UnitOfWork(self.session, other, self._source)
            append(unit, name, data, unit._event_id(name, event_id))

    UnitOfWork._append = to_room  # type: ignore[method-assign]


@mutant("deliveries")
def newest_message_of_the_topic() -> None:
    """post_zulip replaces the newest message, whoever's it is."""

    def make(work: Worker) -> Worker:
        newest: list[str] = []

        def replacing(context: Any, **inputs: Any) -> dict[str, Any]:
            if newest:
                with context.unit_of_work(inputs["transcript_id"]) as unit:
                    unit.transcript.zulip_message_id = newest[-1]
            output = work(context, **inputs)
            newest.append(output["message_id"])
            return output

        return replacing

    around("post_zulip", make)


@mutant("effects")
def mixdown_uploaded_twice() -> None:
    """The mixdown of more than two tracks is uploaded again once its duration is stored."""

    def make(work: Worker) -> Worker:
        def again(context: Any, *, padded_urls: Any, **inputs: Any) -> dict[str, Any]:
            output = work(context, padded_urls=padded_urls, **inputs)
            return (
                output
                if len(padded_urls) <= 2
                else work(context, padded_urls=padded_urls, **inputs)
            )

        return again

    around("mixdown_tracks", make)


@mutant("effects")
def later_tracks_transcribed_twice() -> None:
    """From the third track on, every track is transcribed a second time to be sure."""

    def make(transcribe: Any) -> Any:
        def sure(self: Any, audio_url: str, language: str) -> Any:
            if any(f"padded_track_{index}." in audio_url for index in range(2, 12)):
                transcribe(self, audio_url, language)
            return transcribe(self, audio_url, language)

        return sure

    replace("services.modal:Modal", "transcribe", make)


@mutant("effects")
def duration_told_again_at_the_end() -> None:
    """Finalize emits the duration a second time after a meeting with several speakers."""

    def make(work: Worker) -> Worker:
        def telling(context: Any, **inputs: Any) -> dict[str, Any]:
            output = work(context, **inputs)
            with context.unit_of_work(inputs["transcript_id"]) as unit:
                if len(unit.transcript.participants or []) > 1:
                    unit.emit("DURATION", {"duration": inputs["duration"]})
            return output

        return telling

    around("finalize", make)
