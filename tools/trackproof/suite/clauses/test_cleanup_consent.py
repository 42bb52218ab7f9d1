"""Clauses of contracts/tasks/cleanup_consent.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET
from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import StoredObject, TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.storage import mixdown_key, padded_key
from trackproof.suite.harness import Harness

TASK = "cleanup_consent"

ODD_KEYS = (
    "acme/{room}/a b%20c%2Fd-cam-audio-1",
    "acme/{room}/q?r#s&t+u-cam-audio-2",
    "acme/{room}/Ame\u0301lie//caf\u00e9-screen-audio-3",
)
"""Keys of raw tracks, one a screen's sound; none may be decoded, normalised or encoded again."""


def meeting_with_audio(harness: Harness, **consent: object) -> tuple[Scenario, set[StoredObject]]:
    """Prepare a meeting after padding and mixdown; return it with all its audio objects."""
    meeting = harness.meeting(tracks=3, offsets=[0, 1, 2], **consent)  # type: ignore[arg-type]
    derived = store_derived(harness, meeting)
    raw = {StoredObject(RECORDING_BUCKET, key) for key in meeting.track_keys}
    return meeting, raw | derived


def store_derived(harness: Harness, meeting: Scenario) -> set[StoredObject]:
    """Store the padded tracks and the mixdown of a meeting; return them."""
    indexes = range(len(meeting.meeting.tracks))
    keys = [padded_key(meeting.transcript_id, index) for index in indexes]
    keys.append(mixdown_key(meeting.transcript_id))
    for key in keys:
        harness.testbed.s3.put_file(TRANSCRIPT_BUCKET, key, meeting.audio[0])
    return {StoredObject(TRANSCRIPT_BUCKET, key) for key in keys}


def clean_up(harness: Harness, meeting: Scenario) -> TaskRun:
    return harness.run_task(TASK, transcript_id=meeting.transcript_id)


@pytest.mark.clause("cleanup_consent.everybody")
@pytest.mark.parametrize("denied", [[0], [1], [2], [0, 1, 2]], ids=str)
def test_denial_by_any_participant_deletes_all_audio(denied: list[int], harness: Harness) -> None:
    meeting, audio = meeting_with_audio(harness, denied=denied)

    run = clean_up(harness, meeting)

    expect(run.output.get("audio_deleted"), "audio_deleted").equals(True)
    expect(run.deleted, "deleted objects").equals(frozenset(audio))


@pytest.mark.clause("cleanup_consent.deletes")
def test_raw_and_padded_tracks_and_mixdown_are_deleted(harness: Harness) -> None:
    meeting, audio = meeting_with_audio(harness, denied=[1])

    run = clean_up(harness, meeting)

    expect(run.deleted, "deleted objects").equals(frozenset(audio))
    expect(run.output.get("reason"), "reason").holds(
        bool(run.output.get("reason")), "a text that gives the reason"
    )


@pytest.mark.clause("cleanup_consent.deletes")
def test_audio_of_other_meetings_is_not_deleted(harness: Harness) -> None:
    _, others = meeting_with_audio(harness, denied=[])
    meeting, audio = meeting_with_audio(harness, denied=[0])
    longer = [f"{meeting.transcript_id}{tail}" for tail in ("0", "-2", ".bak")]
    for transcript_id in longer:  # whose ids begin with this one
        for key in (padded_key(transcript_id, 1), mixdown_key(transcript_id)):
            harness.testbed.s3.put_file(TRANSCRIPT_BUCKET, key, meeting.audio[0])
            others.add(StoredObject(TRANSCRIPT_BUCKET, key))

    run = clean_up(harness, meeting)

    expect(run.deleted & others, "deleted objects of another meeting").equals(frozenset())
    expect(run.deleted, "deleted objects").equals(frozenset(audio))


@pytest.mark.clause("cleanup_consent.everybody")
def test_denial_by_somebody_without_a_track_counts(harness: Harness) -> None:
    people = [{"id": "ada", "name": "Ada"}, {"id": "ben", "name": "Ben"}]
    answers = [
        {"participant_id": "ada", "granted": True},
        {"participant_id": "left before the recording", "granted": False},
    ]
    meeting, audio = meeting_with_audio(harness, consents=answers, participants=people)

    run = clean_up(harness, meeting)

    expect(run.output.get("audio_deleted"), "audio_deleted").equals(True)
    expect(run.deleted, "deleted objects").equals(frozenset(audio))


@pytest.mark.clause("cleanup_consent.deletes")
def test_audio_that_is_gone_already_keeps_no_other(harness: Harness) -> None:
    meeting, audio = meeting_with_audio(harness, denied=[0])
    gone = StoredObject(RECORDING_BUCKET, meeting.track_keys[0])
    harness.testbed.s3.client().delete_object(Bucket=gone.bucket, Key=gone.key)

    run = clean_up(harness, meeting)

    expect(run.output.get("audio_deleted"), "audio_deleted").equals(True)
    expect(run.deleted, "deleted objects").equals(frozenset(audio - {gone}))


@pytest.mark.clause("cleanup_consent.odd-keys")
def test_tracks_with_odd_keys_are_deleted(harness: Harness) -> None:
    meeting, audio = meeting_with_audio(harness, denied=[0], keys=ODD_KEYS)

    run = clean_up(harness, meeting)

    expect(run.deleted, "deleted objects").equals(frozenset(audio))


@pytest.mark.clause("cleanup_consent.refused")
@pytest.mark.parametrize("bucket", [RECORDING_BUCKET, TRANSCRIPT_BUCKET])
def test_a_refused_deletion_fails_at_once(bucket: str, harness: Harness) -> None:
    meeting, _ = meeting_with_audio(harness, denied=[1])
    for method in ("DELETE", "POST"):
        harness.break_service("s3", method=method, path=f"/{bucket}*", status=403)

    run = clean_up(harness, meeting)

    expect(run.statuses, "attempt statuses").equals(["FAILED_WITH_TERMINAL_ERROR"])
    expect(bool(run.transcript.get("audio_deleted")), "audio_deleted in the row").equals(False)


@pytest.mark.clause("cleanup_consent.keeps")
@pytest.mark.parametrize(
    "consent",
    [
        pytest.param({}, id="all granted"),
        pytest.param({"consents": []}, id="nobody asked"),
        pytest.param({"consents": [{"participant_id": "p", "granted": None}]}, id="not answered"),
    ],
)
def test_nothing_is_deleted_without_a_denial(consent: dict[str, object], harness: Harness) -> None:
    meeting, _ = meeting_with_audio(harness, **consent)

    run = clean_up(harness, meeting)

    expect(run.output, "output").has({"audio_deleted": False, "reason": None})
    expect(run.deleted, "deleted objects").equals(frozenset())


@pytest.mark.clause("cleanup_consent.flag")
@pytest.mark.parametrize("denied", [[], [2]], ids=str)
def test_transcript_row_records_the_deletion(denied: list[int], harness: Harness) -> None:
    words = [{"word": "tide", "start": 0.5, "end": 0.9, "speaker": 0}]
    meeting, _ = meeting_with_audio(harness, denied=denied, title="T", duration=8.0, words=words)
    before = {**harness.task_runner.transcript(meeting.transcript_id)}

    run = clean_up(harness, meeting)

    for name in ("title", "duration", "words"):  # only the audio goes
        expect(run.transcript.get(name), f"{name} after the deletion").equals(before.get(name))
    expect(bool(run.transcript.get("audio_deleted")), "audio_deleted in the transcript row").equals(
        bool(denied)
    )


@pytest.mark.clause("cleanup_consent.idempotent")
def test_second_run_completes_with_the_same_output(harness: Harness) -> None:
    meeting, _ = meeting_with_audio(harness, denied=[0])
    first = clean_up(harness, meeting)
    expect(first.output.get("audio_deleted"), "audio_deleted of the first run").equals(True)
    written_again = store_derived(harness, meeting)  # by a restarted workflow

    second = clean_up(harness, meeting)

    expect(second.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(second.output, "output of the second run").equals(first.output)
    expect(second.deleted, "objects deleted by the second run").equals(frozenset(written_again))


@pytest.mark.clause("cleanup_consent.large-meeting")
def test_last_denial_among_500_answers_counts(harness: Harness) -> None:
    answers = [{"participant_id": f"p-{index}", "granted": True} for index in range(500)]
    answers[-1]["granted"] = False
    meeting, audio = meeting_with_audio(harness, consents=answers)

    run = clean_up(harness, meeting)

    expect(run.output.get("audio_deleted"), "audio_deleted").equals(True)
    expect(run.deleted, "deleted objects").equals(frozenset(audio))


@pytest.mark.clause("cleanup_consent.outage")
@pytest.mark.parametrize(
    ("fault", "part"), [({"status": 503}, "all"), ({"drop": True}, "all"), ({"status": 503}, "one")]
)
def test_audio_that_could_not_be_deleted_is_not_reported_deleted(
    fault: dict[str, Any], part: str, harness: Harness
) -> None:
    meeting, audio = meeting_with_audio(harness, denied=[1])
    path = "*" if part == "all" else f"*{meeting.track_keys[-1]}"
    harness.break_service("s3", method="DELETE", path=path, **fault)
    harness.break_service("s3", method="POST", **fault)  # several objects in one request

    run = harness.run_task(TASK, transcript_id=meeting.transcript_id, retries=1)

    expect(run.statuses, "attempt statuses while S3 does not delete").equals(["FAILED"] * 2)
    expect(bool(run.transcript.get("audio_deleted")), "audio_deleted in the row").equals(False)
    harness.check_faults()
    harness.clear_faults()
    again = clean_up(harness, meeting)
    expect(again.output.get("audio_deleted"), "audio_deleted after the outage").equals(True)
    left = audio - run.deleted - again.deleted
    expect(left, "objects that are left").equals(set())
