"""The evidence that checks evaluate, gathered after the workflow has ended."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import av
import httpx
from sqlalchemy import make_url

from fixtures_audio import Audio, DetectedWord, detect_words, read_audio
from trackproof.contracts.load import Contracts, load_contracts
from trackproof.events.steps import StepState
from trackproof.fleet import Fleet
from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET, Testbed
from trackproof.runs.progress import step_states
from trackproof.runs.scenario import Scenario
from trackproof.runs.stored_lists import ListReader
from trackproof.runs.unavailable import unavailable_events, unavailable_row
from trackproof.testbed.conductor.rest import http_client
from trackproof.testbed.stand_ins.ledger import Request
from trackproof.testbed.stand_ins.stand_ins import StandIns

URL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ServedUrl:
    """A presigned URL of a padded track, and the response to it."""

    track_index: int
    url: str
    promised_bytes: int
    status: int
    received_bytes: int


@dataclass(frozen=True, slots=True)
class Mixdown:
    """The uploaded mixdown, decoded, and the words detected in it."""

    audio: Audio
    words: tuple[DetectedWord, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of one run, as seen from outside the fleet."""

    contracts: Contracts
    scenario: Scenario
    workflow: Mapping[str, Any]
    steps: tuple[StepState, ...]
    transcript: Mapping[str, Any]
    """The row; a placeholder if the profile does not expose it (`trackproof.runs.unavailable`)."""
    events: Sequence[tuple[str, Any]]
    """By name; a placeholder if the profile does not expose them."""
    requests: Sequence[Request]
    stand_ins: StandIns
    recording_keys: frozenset[str]
    transcript_keys: frozenset[str]
    urls: tuple[ServedUrl, ...]
    mixdown: Mixdown | None
    """None if the fleet uploaded no readable mixdown."""
    fleet_log: str
    secrets: tuple[str, ...]
    """Every key, secret and password in the fleet's configuration."""
    began: float = 0.0
    """Epoch seconds; deliveries before it belong to earlier meetings."""
    beside: frozenset[str] = frozenset()
    """Transcript ids of the meetings that ran at the same time."""
    writes: Mapping[str, int] = field(default_factory=dict)
    """How often each padded track and the mixdown was written, deleted ones too, by key."""
    lists: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """The lists that references in the workflow's output stand for, by field."""

    @property
    def output(self) -> Mapping[str, Any]:
        """The workflow's output, with lists instead of references."""
        output: Mapping[str, Any] = self.workflow.get("output") or {}
        return {**output, **self.lists}

    def task(self, reference: str) -> Mapping[str, Any] | None:
        """Return the last attempt at a task; None if it was never scheduled."""
        attempts = [t for t in self.workflow["tasks"] if t["referenceTaskName"] == reference]
        return attempts[-1] if attempts else None

    def requests_during(self, service: str, *names: str) -> list[Request]:
        """Return the requests to a service while any of the steps ran, without injected faults."""
        started = [s for s in self.steps if s.name in names and s.started_at is not None]
        if not started:
            return []
        start = min(step.started_at or 0.0 for step in started)
        end = max(step.ended_at or 0.0 for step in started)
        return [
            request
            for request in self.requests
            if request.service == service
            and not request.faulted
            and start <= request.received_at <= end
        ]


def gather(
    testbed: Testbed, fleet: Fleet, scenario: Scenario, workflow: Mapping[str, Any], now: float
) -> Evidence:
    """Gather the evidence of a run that has ended; `now` is in epoch seconds."""
    contracts, testbed = load_contracts(), testbed.translated_for(fleet)
    return Evidence(
        contracts=contracts,
        scenario=scenario,
        workflow=workflow,
        steps=tuple(step_states(contracts.steps, workflow, now)),
        transcript=fleet.transcript(scenario.transcript_id)
        if fleet.exposes_rows
        else unavailable_row(),
        events=fleet.events(scenario.transcript_id)
        if fleet.exposes_events
        else unavailable_events(),
        requests=testbed.stand_ins.ledger.requests(),
        stand_ins=testbed.stand_ins,
        recording_keys=frozenset(testbed.s3.keys(RECORDING_BUCKET)),
        transcript_keys=frozenset(testbed.s3.keys(TRANSCRIPT_BUCKET)),
        urls=tuple(_served_url(output) for output in _pad_track_outputs(workflow)),
        mixdown=_mixdown(testbed, workflow),
        fleet_log=fleet.log(),
        secrets=secrets_of(testbed, fleet.database_url),
        writes=_writes(contracts, testbed, scenario),
        lists=ListReader(testbed.s3, fleet.translator).of_workflow(workflow.get("output") or {}),
    )


def _writes(contracts: Contracts, testbed: Testbed, scenario: Scenario) -> dict[str, int]:
    padded, mixdown = (contracts.tasks[task].stored_key for task in ("pad_track", "mixdown_tracks"))
    keys = [
        mixdown.format(transcript_id=scenario.transcript_id),
        *(
            padded.format(transcript_id=scenario.transcript_id, track_index=track.index)
            for track in scenario.meeting.tracks
        ),
    ]
    histories = {key: testbed.s3.history(TRANSCRIPT_BUCKET, key) for key in keys}
    # A copy of an object onto itself changes its metadata only.
    copied = Counter(
        request.path.removeprefix(f"/{TRANSCRIPT_BUCKET}/")
        for request in testbed.s3.ledger.requests(method="PUT", status=200)
        if unquote(request.header("x-amz-copy-source")).strip("/") == request.path.strip("/")
    )
    return {
        key: sum(not one.deleted for one in found) - copied[key] for key, found in histories.items()
    }


def _pad_track_outputs(workflow: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        task["outputData"]
        for task in workflow["tasks"]
        if task["taskDefName"] == "pad_track" and task["status"] == "COMPLETED"
    ]


def _served_url(output: Mapping[str, Any]) -> ServedUrl:
    url = str(output.get("padded_url"))
    try:
        with http_client(url, timeout=URL_SECONDS) as client:
            response = client.get(url)
        status, received = response.status_code, len(response.content)
    except (httpx.HTTPError, httpx.InvalidURL):
        status, received = 0, 0
    # Missing fields are no error here: the checks report them.
    return ServedUrl(output.get("track_index", -1), url, output.get("size", -1), status, received)


def _mixdown(testbed: Testbed, workflow: Mapping[str, Any]) -> Mixdown | None:
    key = (workflow.get("output") or {}).get("audio_key")
    if key is None:
        return None
    # Read the uploaded version: denied consent may have deleted the object since.
    try:
        audio = read_audio(io.BytesIO(testbed.s3.read_version(TRANSCRIPT_BUCKET, key)))
    except (KeyError, ValueError, av.FFmpegError):
        return None
    return Mixdown(audio, tuple(detect_words(audio.samples)))


def secrets_of(testbed: Testbed, database_url: str) -> tuple[str, ...]:
    """Return every key, secret and password in a fleet's configuration."""
    keys = testbed.stand_ins.credentials
    secrets = (
        keys.daily_key,
        keys.modal_key,
        keys.llm_key,
        keys.zulip_key,
        keys.webhook_secret,
        testbed.s3.secret_key,
        make_url(database_url).password,
    )
    return tuple(secret for secret in secrets if secret)
