"""Evidence is gathered unchanged, even if it is incomplete or broken."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.unit.trackproof.runs import recorded_runs
from trackproof.fleet import REFERENCE, Fleet
from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET, Testbed
from trackproof.runs.evidence import Evidence, ServedUrl, gather
from trackproof.runs.scenario import Scenario
from trackproof.testbed.conductor import ConductorServer
from trackproof.testbed.conductor.rest import ConductorRest
from trackproof.testbed.s3.server import S3Server
from trackproof.testbed.stand_ins.server import ServedStandIns
from trackproof.testbed.stand_ins.stand_ins import StandIns

ATTACHED = replace(REFERENCE, command=(), attach=True, seed_command=(), seed_lines=False)


class ReadyFleet(Fleet):
    """An attached fleet with a log."""

    def log(self) -> str:
        return "ready\n"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server([RECORDING_BUCKET, TRANSCRIPT_BUCKET]) as server:
        yield server


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    return Scenario.create(recorded_runs.small_meeting(), tmp_path_factory.mktemp("meeting"))


@pytest.fixture
def testbed(s3: S3Server, scenario: Scenario, tmp_path: Path) -> Testbed:
    with closing(sqlite3.connect(tmp_path / "fleet.db")) as connection:
        connection.execute("CREATE TABLE transcripts (id TEXT, title TEXT)")
        connection.execute("CREATE TABLE events (seq INT, transcript_id, event TEXT, data TEXT)")
        connection.execute("INSERT INTO transcripts VALUES (?, 'Budget')", [scenario.transcript_id])
        connection.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?)",
            [
                (2, scenario.transcript_id, "STATUS", '{"value": "ended"}'),
                (1, scenario.transcript_id, "DURATION", '{"duration": 8.0}'),
                (3, "another", "STATUS", "{}"),
            ],
        )
        connection.commit()
    return Testbed(
        conductor=cast("ConductorServer", None),
        rest=cast("ConductorRest", None),
        s3=s3,
        stand_ins=StandIns(),
        served=cast("ServedStandIns", None),
        folder=tmp_path,
        database_url=f"sqlite:///{tmp_path / 'fleet.db'}",
    )


def gather_run(testbed: Testbed, scenario: Scenario, *padded: Any, **output: Any) -> Evidence:
    """Gather the evidence of a run with these outputs of pad_track and of the workflow."""
    tasks = [
        {
            "referenceTaskName": f"pad_track_{index}",
            "taskDefName": "pad_track",
            "status": "COMPLETED",
            "outputData": outputs,
        }
        for index, outputs in enumerate(padded)
    ]
    workflow = {"status": "COMPLETED", "output": output, "tasks": tasks}
    fleet = ReadyFleet(ATTACHED, {}, testbed.folder, database_url=testbed.database_url)
    return gather(testbed, fleet, scenario, workflow, recorded_runs.NOW)


def test_database_rows_come_from_the_profiles_sql(testbed: Testbed, scenario: Scenario) -> None:
    evidence = gather_run(testbed, scenario)

    assert evidence.transcript == {"id": scenario.transcript_id, "title": "Budget"}
    assert evidence.events == [("DURATION", {"duration": 8.0}), ("STATUS", {"value": "ended"})]
    assert evidence.fleet_log == "ready\n"


def test_a_deleted_mixdown_is_still_decoded(testbed: Testbed, scenario: Scenario) -> None:
    client = testbed.s3.client()
    testbed.s3.put_file(TRANSCRIPT_BUCKET, "t/audio.mp3", scenario.audio[0])
    client.delete_object(Bucket=TRANSCRIPT_BUCKET, Key="t/audio.mp3")

    evidence = gather_run(testbed, scenario, audio_key="t/audio.mp3")

    assert evidence.mixdown is not None
    spoken = [word.text for word in scenario.meeting.tracks[0].words]
    assert [word.text for word in evidence.mixdown.words] == spoken
    assert "t/audio.mp3" not in evidence.transcript_keys


def test_presigned_urls_are_requested(testbed: Testbed, scenario: Scenario) -> None:
    client = testbed.s3.client()
    client.put_object(Bucket=TRANSCRIPT_BUCKET, Key="t/p.webm", Body=io.BytesIO(b"12345"))
    existing = testbed.s3.presign(TRANSCRIPT_BUCKET, "t/p.webm")
    missing = testbed.s3.presign(TRANSCRIPT_BUCKET, "t/never.webm")

    evidence = gather_run(
        testbed,
        scenario,
        {"track_index": 0, "padded_url": existing, "size": 5},
        {"track_index": 1, "padded_url": missing, "size": 6},
    )

    assert evidence.urls[0] == ServedUrl(0, existing, 5, 200, 5)
    assert (evidence.urls[1].status, evidence.urls[1].promised_bytes) == (404, 6)


def test_presigned_urls_are_requested_without_the_users_proxy(
    testbed: Testbed, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "fd07:b51a:cc66:f0::/64")

    test_presigned_urls_are_requested(testbed, scenario)


def test_an_output_without_a_usable_url_is_evidence(testbed: Testbed, scenario: Scenario) -> None:
    urls = gather_run(
        testbed,
        scenario,
        {},
        {"padded_url": None},
        {"padded_url": "no URL"},
        {"padded_url": "http://[broken"},
        {"padded_url": "http://127.0.0.1:1/refused"},
    ).urls

    assert {(url.track_index, url.promised_bytes) for url in urls} == {(-1, -1)}
    assert {(url.status, url.received_bytes) for url in urls} == {(0, 0)}
    assert len(urls) == 5


def test_a_missing_or_unreadable_mixdown_is_none(testbed: Testbed, scenario: Scenario) -> None:
    client = testbed.s3.client()
    client.put_object(Bucket=TRANSCRIPT_BUCKET, Key="t/broken.mp3", Body=b"not audio")

    for key in (None, "t/never.mp3", "t/broken.mp3"):
        assert gather_run(testbed, scenario, audio_key=key).mixdown is None


def test_the_last_attempt_at_a_task_counts() -> None:
    evidence = recorded_runs.good_run()
    tasks = [{"referenceTaskName": "a", "try": 1}, {"referenceTaskName": "a", "try": 2}]
    evidence = replace(evidence, workflow={"tasks": tasks})

    assert evidence.task("a") == tasks[1]
    assert evidence.task("b") is None


def test_requests_are_assigned_to_steps_by_time() -> None:
    evidence = recorded_runs.good_run()

    assert len(evidence.requests_during("llm", "detect_topics")) == 1
    assert len(evidence.requests_during("llm", "generate_title", "generate_summary")) == 9
    assert evidence.requests_during("zulip", "detect_topics") == []
    never = recorded_runs.with_step(evidence, "detect_topics", started_at=None)
    assert never.requests_during("llm", "detect_topics") == []


def test_writes_are_counted_with_deleted_ones_and_without_new_metadata(
    testbed: Testbed, scenario: Scenario, tmp_path: Path
) -> None:
    key = f"{scenario.transcript_id}/audio.mp3"
    client = testbed.s3.client()
    (tmp_path / "mixdown").write_bytes(b"mp3")
    testbed.s3.put_file(TRANSCRIPT_BUCKET, key, tmp_path / "mixdown")
    client.copy_object(
        Bucket=TRANSCRIPT_BUCKET,
        Key=key,
        CopySource={"Bucket": TRANSCRIPT_BUCKET, "Key": key},
        MetadataDirective="REPLACE",
        ContentType="audio/mpeg",
    )
    once = gather_run(testbed, scenario).writes
    testbed.s3.put_file(TRANSCRIPT_BUCKET, key, tmp_path / "mixdown")
    client.delete_object(Bucket=TRANSCRIPT_BUCKET, Key=key)
    twice = gather_run(testbed, scenario).writes

    padded = f"{scenario.transcript_id}/padded_track_1.webm"
    assert (once[key], twice[key], twice[padded]) == (1, 2, 0)
