"""An outage of storage or database is waited for; a full disk and long ids are told briefly."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures_audio import make_meeting, write_track
from reference_workers import executor
from reference_workers.errors import OutageError, TransientError
from reference_workers.executor import execute_task
from reference_workers.workers import WORKERS
from tests.unit.reference_workers.worker_harness import (
    TRANSCRIPT_ID,
    TRANSCRIPTS,
    Json,
    WorkerHarness,
)
from trackproof.contracts.load import load_contracts
from trackproof.testbed.stand_ins import Fault

TITLE: Json = {"topics": [], "transcript_id": TRANSCRIPT_ID}


class Clock:
    """The executor's time, which passes only while it pauses."""

    def __init__(self) -> None:
        self.now = 0.0

    def pause(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(executor, "pause", clock.pause)
    monkeypatch.setattr(executor, "monotonic", lambda: clock.now)
    return clock


def away_until(clock: Clock, end: float, work: Any) -> Any:
    def worker(*args: Any, **inputs: Any) -> Any:
        if clock.now < end:
            raise OutageError("S3: no answer")
        return work(*args, **inputs)

    return worker


def test_an_attempt_waits_for_the_end_of_an_outage(
    harness: WorkerHarness, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        WORKERS, "generate_title", away_until(clock, 20.0, WORKERS["generate_title"])
    )

    assert harness.execute("generate_title", TITLE).status == "COMPLETED"
    assert 20 <= clock.now <= 25


@pytest.mark.parametrize("task", sorted(load_contracts().tasks))
def test_the_attempts_of_a_task_last_longer_than_two_minutes(
    task: str, harness: WorkerHarness, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WORKERS, task, away_until(clock, 1e9, None))
    monkeypatch.setattr(executor, "accepted_input", lambda *_: {})
    contract = load_contracts().tasks[task]
    between = contract.definition["retryDelaySeconds"]

    for attempt in range(contract.retry_count + 1):
        assert harness.execute(task, {}, attempt=attempt).status == "FAILED"
        clock.pause(between)

    shortest = 60 if task == "generate_dynamic_fork_tasks" else 115
    assert clock.now >= shortest


@pytest.mark.parametrize("task", sorted(load_contracts().tasks))
def test_waiting_ends_before_conductor_gives_up_the_attempt(
    task: str, harness: WorkerHarness, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WORKERS, task, away_until(clock, 1e9, None))
    monkeypatch.setattr(executor, "accepted_input", lambda *_: {})

    harness.execute(task, {})

    assert clock.now <= load_contracts().tasks[task].definition["timeoutSeconds"] / 2


def test_a_services_failure_is_left_to_conductor(
    harness: WorkerHarness, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def fail(*_: Any, **__: Any) -> Json:
        calls.append(1)
        raise TransientError("LLM: answered 503")

    monkeypatch.setitem(WORKERS, "generate_title", fail)

    assert harness.execute("generate_title", TITLE).status == "FAILED"
    assert calls == [1]


@pytest.fixture
def storage_away(harness: WorkerHarness) -> Iterator[Fault]:
    fault = Fault(service="s3", status=503)
    harness.s3.faults.add(fault)
    yield fault
    harness.s3.faults.clear()


@pytest.mark.usefixtures("storage_away")
def test_an_outage_of_storage_is_no_audio_that_only_the_service_can_reach(
    harness: WorkerHarness, clock: Clock
) -> None:
    url = harness.clients.storage.presign("a/b.webm", bucket=TRANSCRIPTS)

    outcome = harness.execute(
        "transcribe_track", {"track_index": 0, "audio_url": url, "transcript_id": TRANSCRIPT_ID}
    )

    assert outcome.status == "FAILED"
    assert "503" in str(outcome.reason)
    assert harness.calls("modal") == 0


def test_an_unreachable_url_of_somebody_else_is_left_to_the_service(
    harness: WorkerHarness,
) -> None:
    url = "http://127.0.0.1:9/a.webm"

    harness.execute(
        "transcribe_track", {"track_index": 0, "audio_url": url, "transcript_id": TRANSCRIPT_ID}
    )

    assert harness.calls("modal") == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_with_its_number(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: Any, **__: Any) -> Json:
        raise OSError(number, "no space", "/secret/file")

    monkeypatch.setitem(WORKERS, "generate_title", fail)

    outcome = harness.execute("generate_title", TITLE)

    assert outcome.status == "FAILED"
    assert str(outcome.reason).startswith(f"disk full: errno {number} {errno.errorcode[number]}")
    assert "secret" not in str(outcome.reason)


@pytest.mark.parametrize(
    "long_id", ["x" * 10_000, "../" * 3_000, "a b " * 3_000, "/\n" * 5_000, "\0" * 10_000]
)
@pytest.mark.parametrize(
    ("task", "field"),
    [
        *(("finalize", "transcript_id"), ("cleanup_consent", "transcript_id")),
        *(("pad_track", "s3_key"), ("pad_track", "bucket_name"), ("get_recording", "recording_id")),
        *(("generate_waveform", "audio_key"), ("mixdown_tracks", "transcript_id")),
    ],
)
def test_a_long_id_is_cut_in_the_reason(
    harness: WorkerHarness, task: str, field: str, long_id: str
) -> None:
    valid: dict[str, Json] = {
        "finalize": {"title": "t", "summary": "s", "short_summary": "s", "duration": 1.0},
        "pad_track": {"track_index": 0, "s3_key": "k", "bucket_name": "recordings"},
        "get_recording": {},
        "generate_waveform": {"audio_key": "k"},
        "mixdown_tracks": {"padded_urls": ["http://127.0.0.1:9/a.webm"]},
    }
    payload = {"transcript_id": TRANSCRIPT_ID, **valid.get(task, {}), field: long_id}
    if task == "get_recording":
        del payload["transcript_id"]

    outcome = execute_task(harness.context, task, payload)

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR", outcome
    assert len(str(outcome.reason)) < 5_000


@pytest.mark.parametrize("size", [0, 50, 100, 200])
@pytest.mark.usefixtures("no_reconnect_delay")
def test_a_file_that_is_cut_off_is_no_outage(
    size: int, harness: WorkerHarness, clock: Clock
) -> None:
    whole, part = harness.folder / "whole.webm", harness.folder / "part.webm"
    write_track(make_meeting(tracks=1, seconds=4, seed=1).tracks[0], whole)
    part.write_bytes(whole.read_bytes()[:size])
    url = harness.clients.storage.presign(harness.store(part, "part.webm", bucket=TRANSCRIPTS))

    outcome = harness.execute(
        "mixdown_tracks", {"padded_urls": [url], "transcript_id": TRANSCRIPT_ID}
    )

    assert outcome.status != "COMPLETED"
    assert clock.now == 0


@pytest.mark.usefixtures("no_reconnect_delay")
def test_a_track_whose_storage_is_away_is_waited_for(harness: WorkerHarness, clock: Clock) -> None:
    payload = {"padded_urls": ["http://127.0.0.1:9/a"], "transcript_id": TRANSCRIPT_ID}

    outcome = harness.execute("mixdown_tracks", payload)

    assert outcome.status == "FAILED"
    assert clock.now == 30
