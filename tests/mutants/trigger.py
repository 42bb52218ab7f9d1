"""Mutants of the trigger: recordings that start too much, too little or wrongly."""

from __future__ import annotations

import re
from typing import Any

from reference_workers.errors import MissingError, PermanentError
from reference_workers.platform.state.models import Room
from tests.mutants.model import Collection
from tests.mutants.patches import replace, rewrite

WEBHOOK = "platform.trigger.daily_webhook"
PROCESS = "platform.trigger.process"
TRIGGER = "platform.trigger.process:Trigger"

mutant = Collection("trigger")


def change_workflow_input(change: Any) -> None:
    """Change the input of every workflow; `change` modifies it in place."""

    def make(compose: Any) -> Any:
        def changed(*args: Any) -> Any:
            data = compose(*args)
            change(data)
            return data

        return changed

    replace(TRIGGER, "_workflow_input", make)


@mutant("webhook")
def start_is_lost() -> None:
    """A webhook is answered with 200, and its recording is never started."""
    replace("platform.trigger.app", "finished_recording", lambda _: lambda *_: None)


@mutant("polling")
def nobody_polls() -> None:
    """Only webhooks start recordings."""
    replace("platform.trigger.polling:RecordingPoller", "poll", lambda _: lambda _self: None)


@mutant("once")
def every_report_starts() -> None:
    """Each webhook and each polling round starts a workflow."""
    replace(
        TRIGGER,
        "_start",
        lambda _: lambda self, row, transcript: self._start_workflow(row, transcript),
    )
    replace(TRIGGER, "_worked_on", lambda _: lambda *_: None)
    replace(
        PROCESS,
        "start_workflow",
        lambda start: lambda client, data, **_: start(client, data, may_run=False),
    )


@mutant("input")
def room_left_out() -> None:
    """The input of the workflow has no room_id."""
    change_workflow_input(lambda data: data.update(room_id=None))


@mutant("input")
def tracks_as_keys() -> None:
    """The tracks are a list of keys instead of objects."""
    change_workflow_input(
        lambda data: data.update(tracks=[one["s3_key"] for one in data["tracks"]])
    )


@mutant("cam-audio")
def screen_is_a_participant() -> None:
    """The sound of a shared screen is taken for a participant."""
    replace(
        "platform.trigger.tracks",
        "_CAM_AUDIO",
        lambda _: re.compile(r"-(cam|screen)-audio-\d+(\.[a-z0-9]+)?$"),
    )


@mutant("cam-audio")
def rejoin_is_lost() -> None:
    """Of a participant who rejoined only the last track is processed."""

    def make(choose: Any) -> Any:
        def last(keys: Any) -> list[str]:
            return list({key.rpartition("-cam-audio-")[0]: key for key in choose(keys)}.values())

        return last

    replace(PROCESS, "filter_cam_audio_tracks", make)


@mutant("workflow-id")
def workflow_is_not_stored() -> None:
    """The recording does not store its workflow."""
    nothing = lambda _: lambda *_, **__: None  # noqa: E731 - the same for both
    replace("platform.state.repository:State", "store_workflow", nothing)
    replace("platform.state.unit_of_work:UnitOfWork", "assign_workflow", nothing)


@mutant("log")
def log_without_transcript() -> None:
    """The log of a start does not name the transcript."""
    rewrite(
        PROCESS,
        "Trigger",
        "            workflow_id=workflow_id,\n            transcript_id=transcript.id,\n",
        "            workflow_id=workflow_id,\n",
    )


@mutant("repeated")
def failed_start_is_final() -> None:
    """A recording whose start failed is never started again."""

    def make(start: Any) -> Any:
        def once(self: Any, row: Any, transcript: Any) -> None:
            if row.start_requested_at is None:
                start(self, row, transcript)

        return once

    replace(TRIGGER, "_start", make)


@mutant("signature")
def any_signature_is_right() -> None:
    """The signature of a webhook is not checked."""
    replace(f"{WEBHOOK}:SignatureCheck", "__call__", lambda _: lambda *_, **__: None)


@mutant("signature")
def old_signature_is_right() -> None:
    """A webhook is accepted however old its signature is."""
    replace(WEBHOOK, "TOLERANCE_SECONDS", lambda _: 1e9)


@mutant("too-large")
def body_of_any_size() -> None:
    """A webhook is read whatever its size."""
    replace("platform.trigger.app", "MAX_BODY_BYTES", lambda _: 1_000_000_000)


@mutant("unreadable")
def unreadable_is_ignored() -> None:
    """A webhook that cannot be read is answered like an event of another type."""

    def make(read: Any) -> Any:
        def lenient(body: bytes, bucket_name: str) -> Any:
            try:
                return read(body, bucket_name)
            except PermanentError:
                return None

        return lenient

    replace("platform.trigger.app", "finished_recording", make)


@mutant("unknown-room")
def room_is_created() -> None:
    """An unknown room is created, and its recording is processed."""

    def make(register: Any) -> Any:
        def creating(state: Any, recording: Any, keys: Any) -> Any:
            try:
                return register(state, recording, keys)
            except MissingError:
                with state.write_session() as session:
                    session.add(Room(id=recording.room_name, name=recording.room_name))
                return register(state, recording, keys)

        return creating

    replace(PROCESS, "register_recording", make)


@mutant("no-tracks")
def empty_recording_is_started() -> None:
    """A recording without a microphone track is processed with all that it has."""

    def make(choose: Any) -> Any:
        def all_of_them(keys: Any) -> list[str]:
            given = list(keys)
            return choose(given) or given or ["none"]

        return all_of_them

    replace(PROCESS, "filter_cam_audio_tracks", make)


@mutant("bad-keys")
def any_key_is_right() -> None:
    """Track keys are not checked."""
    replace(PROCESS, "check_track_key", lambda _: str)


@mutant("other-events")
def every_event_starts() -> None:
    """An event of any type is taken for a finished recording."""
    rewrite(WEBHOOK, "finished_recording", 'if event.get("type") != READY:', "if False:")


@mutant("refusal-log")
def refused_in_silence() -> None:
    """A refused webhook leaves no trace in the log."""
    rewrite(
        "platform.trigger.app",
        "_refused",
        'log.warning("webhook refused", status=int(status), cause=reason)',
        "pass",
    )
