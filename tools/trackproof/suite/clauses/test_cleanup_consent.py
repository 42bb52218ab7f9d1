"""Clauses of contracts/tasks/cleanup_consent.yaml."""

from __future__ import annotations

import pytest

from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET
from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import StoredObject, TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.storage import mixdown_key, padded_key
from trackproof.suite.harness import Harness

TASK = "cleanup_consent"


def with_audio(harness: Harness, **consent: object) -> tuple[Scenario, set[StoredObject]]:
    """Order a meeting that has been padded and mixed; return it and all its audio."""
    meeting = harness.meeting(tracks=3, offsets=[0, 1, 2], **consent)  # type: ignore[arg-type]
    made = [padded_key(meeting.transcript_id, index) for index in (1, 2)]
    made.append(mixdown_key(meeting.transcript_id))
    for key in made:
        harness.testbed.s3.put_file(TRANSCRIPT_BUCKET, key, meeting.audio[0])
    raw = {StoredObject(RECORDING_BUCKET, key) for key in meeting.track_keys}
    return meeting, raw | {StoredObject(TRANSCRIPT_BUCKET, key) for key in made}


def cleaned(harness: Harness, meeting: Scenario) -> TaskRun:
    return harness.run_task(TASK, transcript_id=meeting.transcript_id)


@pytest.mark.clause("cleanup_consent.everybody")
@pytest.mark.parametrize("denied", [[0], [1], [2], [0, 1, 2]], ids=str)
def test_one_denial_is_enough_whoever_it_is(denied: list[int], harness: Harness) -> None:
    meeting, audio = with_audio(harness, denied=denied)

    run = cleaned(harness, meeting)

    expect(run.output.get("audio_deleted"), "audio_deleted").equals(True)
    expect(run.deleted, "deleted").equals(frozenset(audio))


@pytest.mark.clause("cleanup_consent.deletes")
def test_raw_padded_and_mixed_audio_is_gone(harness: Harness) -> None:
    meeting, audio = with_audio(harness, denied=[1])

    run = cleaned(harness, meeting)

    expect(run.deleted, "deleted").equals(frozenset(audio))
    expect(run.output.get("reason"), "reason").holds(
        bool(run.output.get("reason")), "a text that says why"
    )


@pytest.mark.clause("cleanup_consent.deletes")
def test_another_meetings_audio_stays(harness: Harness) -> None:
    _, others = with_audio(harness, denied=[])
    meeting, audio = with_audio(harness, denied=[0])

    run = cleaned(harness, meeting)

    expect(run.deleted & others, "audio of another meeting that is gone").equals(frozenset())
    expect(run.deleted, "deleted").equals(frozenset(audio))


@pytest.mark.clause("cleanup_consent.keeps")
@pytest.mark.parametrize("answers", ["all granted", "nobody was asked"])
def test_without_a_denial_nothing_is_deleted(answers: str, harness: Harness) -> None:
    consents: dict[str, object] = {} if answers == "all granted" else {"consents": []}
    meeting, _ = with_audio(harness, **consents)

    run = cleaned(harness, meeting)

    expect(run.output, "output").equals({"audio_deleted": False, "reason": None})
    expect(run.deleted, "deleted").equals(frozenset())


@pytest.mark.clause("cleanup_consent.flag")
@pytest.mark.parametrize("denied", [[], [2]], ids=str)
def test_the_transcript_says_whether_audio_was_deleted(denied: list[int], harness: Harness) -> None:
    meeting, _ = with_audio(harness, denied=denied)

    run = cleaned(harness, meeting)

    expect(bool(run.transcript.get("audio_deleted")), "audio_deleted").equals(bool(denied))


@pytest.mark.clause("cleanup_consent.idempotent")
def test_a_second_run_succeeds_and_says_the_same(harness: Harness) -> None:
    meeting, _ = with_audio(harness, denied=[0])
    first = cleaned(harness, meeting)

    again = cleaned(harness, meeting)

    expect(again.statuses, "attempts").equals(["COMPLETED"])
    expect(again.output, "output of the second run").equals(first.output)


@pytest.mark.clause("cleanup_consent.large-meeting")
def test_the_last_of_five_hundred_is_heard(harness: Harness) -> None:
    answers = [{"participant_id": f"p-{place}", "granted": True} for place in range(500)]
    answers[-1]["granted"] = False
    meeting, audio = with_audio(harness, consents=answers)

    run = cleaned(harness, meeting)

    expect(run.output.get("audio_deleted"), "audio_deleted").equals(True)
    expect(run.deleted, "deleted").equals(frozenset(audio))
