"""Meetings of 200,000 words: 12 tracks of 3 hours on every server version, 1 and 64 tracks."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from fixtures_audio import Meeting, Participant, Track
from tests.e2e.quiet_audio import spoken_by_turns, track_index_in, write_silent_tracks
from trackproof.contracts.load import load_contracts
from trackproof.fleet import REFERENCE, Fleet
from trackproof.lab import TRANSCRIPT_BUCKET, Testbed
from trackproof.runs.follow import Workflow, follow
from trackproof.runs.limits import FOLLOW_SECONDS, STALL_SECONDS
from trackproof.runs.pipeline_run import start_run
from trackproof.runs.scenario import Scenario
from trackproof.runs.stored_lists import LISTS, OUTPUTS, ListReader, list_keys
from trackproof.testbed.conductor import VERSIONS, ConductorServer
from trackproof.testbed.conductor.versions import DEFAULT_VERSION
from trackproof.testbed.stand_ins.services.modal import ModalStandIn, Transcribe, TranscribedWord

pytestmark = [pytest.mark.conductor, pytest.mark.nightly, pytest.mark.timeout(3600)]

WORDS = 200_000
TOPICS = -(-WORDS // 300)
SPOKEN_SECONDS = 3 * 3600
PAYLOAD_BYTES = load_contracts().pipeline_constants["payload_bytes"]

MEETINGS = [
    *(pytest.param(version, 12, SPOKEN_SECONDS, id=version) for version in sorted(VERSIONS)),
    pytest.param(DEFAULT_VERSION, 1, 60, id="1 track"),
    # The newest version repeats a task's whole definition in each branch of a fork.
    pytest.param(max(VERSIONS), 64, 60, id="64 tracks"),
]
"""Version, tracks, and seconds of silence: the words come from the transcription service."""

Spoken = list[tuple[int, TranscribedWord]]


def transcriber(spoken: Spoken) -> Transcribe:
    def transcribe(path: Path) -> list[TranscribedWord]:
        index = track_index_in(path)
        return [word for track, word in spoken if track == index]

    return transcribe


def quiet_meeting(folder: Path, *, tracks: int, seconds: int) -> Scenario:
    silent = tuple(
        Track(index, 0.0, float(seconds), (), (), 0.0, Participant(f"p{index}", f"P {index}", None))
        for index in range(tracks)
    )
    return Scenario(
        meeting=Meeting(0, silent),
        audio=tuple(write_silent_tracks(folder, tracks=tracks, seconds=seconds)),
        denied=frozenset(),
        run_id=f"large-{os.urandom(4).hex()}",
        started_at=datetime.now(UTC),
    )


@contextmanager
def fleet_on(conductor: ConductorServer, spoken: Spoken) -> Iterator[tuple[Testbed, Fleet]]:
    """Start the reference fleet on a testbed whose transcription service returns these words."""
    with Testbed.started(
        conductor=conductor.api_url, version=conductor.version, report=lambda _: None
    ) as testbed:
        modal = testbed.stand_ins.modal
        assert isinstance(modal, ModalStandIn)
        modal.transcribe = transcriber(spoken)
        with testbed.fleet(REFERENCE) as fleet:
            yield testbed, fleet


def run_to_its_end(testbed: Testbed, fleet: Fleet, scenario: Scenario) -> Workflow:
    """Run the meeting without gathering evidence: three hours of decoded audio are gigabytes."""
    fleet.register(testbed.rest.api_url)
    fleet.wait_until_polling(testbed.rest, sorted(load_contracts().tasks))
    scenario.publish(testbed)
    webhook = f"{testbed.served.urls['webhook']}/{scenario.room_name}"
    fleet.seed(scenario.rows(webhook, testbed.stand_ins.credentials.webhook_secret))
    return follow(
        testbed.rest,
        start_run(testbed, scenario),
        what="the large meeting",
        seconds=2 * STALL_SECONDS,
        interval=FOLLOW_SECONDS,
        stalled_only=True,
        check_alive=fleet.check_alive,
    )


def payload_sizes(workflow: Workflow) -> dict[str, int]:
    """Return the bytes of every input and output, JOINs and the workflow included."""
    payloads: dict[str, Any] = {side: workflow.get(side) for side in ("input", "output")}
    for task in workflow["tasks"]:
        for side in ("inputData", "outputData"):
            payloads[f"{side} of {task['referenceTaskName']}"] = task.get(side)
    return {
        name: len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())
        for name, payload in payloads.items()
    }


def peak_megabytes() -> dict[str, float]:
    """Return the largest memory so far of the fleet and of the server."""
    peaks: dict[str, float] = {}
    for process in psutil.Process().children(recursive=True):
        line = " ".join(process.cmdline())
        for name, sign in (("fleet", "-m reference_workers"), ("Conductor", "java")):
            if sign in line:
                status = Path(f"/proc/{process.pid}/status").read_text()
                kilobytes = int(status.partition("VmHWM:")[2].split()[0])
                peaks[name] = max(peaks.get(name, 0.0), round(kilobytes / 1024, 1))
    return peaks


def seconds_by_step(workflow: Workflow) -> dict[str, float]:
    """Return the longest attempt at each task type, in seconds."""
    seconds: dict[str, float] = {}
    for task in workflow["tasks"]:
        name, length = task["taskDefName"], (task["endTime"] - task["startTime"]) / 1000
        seconds[name] = max(seconds.get(name, 0.0), length)
    return seconds


def words_of(rows: list[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["speaker"], row["word"], row["start"], row["end"]) for row in rows]


@pytest.mark.parametrize(("version", "tracks", "seconds"), MEETINGS)
def test_a_meeting_of_200_000_words_ends_exact(
    version: str,
    tracks: int,
    seconds: int,
    conductor_of: Callable[[str], ConductorServer],
    tmp_path: Path,
) -> None:
    scenario = quiet_meeting(tmp_path, tracks=tracks, seconds=seconds)
    spoken = spoken_by_turns(WORDS, tracks, SPOKEN_SECONDS)

    with fleet_on(conductor_of(version), spoken) as (testbed, fleet):
        run = run_to_its_end(testbed, fleet, scenario)
        sizes = payload_sizes(run)
        largest = sorted(sizes.items(), key=lambda one: -one[1])[:5]
        lists = ListReader(testbed.s3, fleet.translator).of_workflow(run.get("output") or {})
        present = set(testbed.s3.keys(TRANSCRIPT_BUCKET))
        row = fleet.transcript(scenario.transcript_id)
        deliveries = testbed.stand_ins.webhook.deliveries()
        peaks = peak_megabytes()
    figures = {
        "version": version,
        "tracks": tracks,
        "seconds": (run["endTime"] - run["startTime"]) / 1000,
        "seconds by step": seconds_by_step(run),
        "largest payloads": largest,
        "bytes of the run": len(json.dumps(run)),
        "bytes of the webhook": [len(one.body) for one in deliveries],
        "peak MB": peaks,
    }
    sys.stdout.write(json.dumps(figures, indent=1))  # shown by `-rP`

    assert run["status"] == "COMPLETED", run.get("reasonForIncompletion")
    assert largest[0][1] <= PAYLOAD_BYTES, largest
    expected = [(track, word.text, word.start, word.end) for track, word in spoken]
    assert run["output"]["word_count"] == WORDS
    assert words_of(lists["all_words"]) == expected
    assert words_of(row["words"]) == expected
    assert len(lists["topics"]) == TOPICS
    assert row["topics"] == lists["topics"]
    assert row["status"] == "ended"
    assert abs(run["output"]["duration"] - seconds) < 0.1
    kept = list_keys(run, *OUTPUTS.values())
    assert len(list_keys(run, *LISTS)) == tracks + len(OUTPUTS)
    assert present == {run["output"]["audio_key"], *kept}
    [delivered] = deliveries
    assert len(delivered.json["transcript"]["topics"]) == TOPICS
