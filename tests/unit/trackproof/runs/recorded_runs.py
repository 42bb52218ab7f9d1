"""The evidence of a correct run, made without a server, for tests to change."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import httpx
import numpy as np

from fixtures_audio import RATE_HZ, TRACERS, Audio, Meeting, detect_words, make_meeting, render
from trackproof.contracts.load import Step, load_contracts
from trackproof.runs.evidence import Evidence, Mixdown, ServedUrl
from trackproof.runs.progress import step_states
from trackproof.runs.scenario import ZULIP_STREAM, ZULIP_TOPIC, Scenario
from trackproof.runs.stored_lists import LISTS, OUTPUTS, list_keys
from trackproof.testbed.stand_ins.contract_violations import IncomingRequest
from trackproof.testbed.stand_ins.ledger import Request
from trackproof.testbed.stand_ins.services.webhook import sign
from trackproof.testbed.stand_ins.stand_ins import StandIns

START = 1_700_000_000.0
"""Epoch seconds; step n runs from START + n for 0.9 seconds."""

STEP_SECONDS = 0.9
TASKS = load_contracts().tasks
PEAKS = int(TASKS["generate_waveform"].output["$defs"]["waveform"]["maxItems"])
PADDED_BYTES = 4321
NOW = START + 100

Words = list[dict[str, Any]]


@cache
def small_meeting() -> Meeting:
    return make_meeting(tracks=3, seconds=8, seed=0)


@cache
def small_mixdown() -> Mixdown:
    """Mix the meeting's samples, as a lossless mixdown."""
    meeting = small_meeting()
    samples = np.zeros(round(meeting.duration * RATE_HZ), dtype=np.float32)
    for track in meeting.tracks:
        spoken = np.concatenate(list(render(track)))
        start = round(track.offset * RATE_HZ)
        samples[start : start + spoken.size] += spoken
    audio = Audio(samples, start_time=0.0, duration=samples.size / RATE_HZ)
    return Mixdown(audio, tuple(detect_words(samples)))


def tracers() -> str:
    return " ".join(word.text for word in small_meeting().truth() if word.word_id in TRACERS)


PROGRESS = {
    "workflow_id": "workflow-1",
    "current_step": "get_recording",
    "step_index": 1,
    "total_steps": len(load_contracts().steps),
    "step_status": "completed",
}


def good_run(
    *, denied: Iterable[int] = (), texts: Mapping[str, str] = MappingProxyType({})
) -> Evidence:
    """Return the evidence of a correct run.

    Args:
        denied: Tracks whose participants denied consent; all audio is deleted then.
        texts: The fleet's `title`, `summary`, `short_summary` or `topic`.
    """
    contracts = load_contracts()
    scenario = Scenario(
        meeting=small_meeting(),
        audio=(),
        denied=frozenset(denied),
        run_id="0123456789ab",
        started_at=datetime.fromtimestamp(START, UTC),
    )
    deleted = bool(scenario.denied)
    output = _output(scenario, texts)
    workflow = {
        "workflowId": "workflow-1",
        "status": "COMPLETED",
        "output": output,
        "tasks": [task for step in contracts.steps for task in tasks_of(step)],
    }
    stand_ins = StandIns()
    row = {
        "status": "ended",
        "title": output["title"],
        "long_summary": output["summary"],
        "short_summary": output["short_summary"],
        "duration": output["duration"],
        "audio_deleted": deleted,
        "zulip_message_id": 481000001,
    }
    link = f"https://notes.test/transcripts/{scenario.transcript_id}"
    post(stand_ins, f"**{row['title']}**\n{row['short_summary']}\n{row['long_summary']}\n{link}")
    deliver(stand_ins, payload(scenario, output))
    evidence = Evidence(
        contracts=contracts,
        scenario=scenario,
        workflow=workflow,
        steps=tuple(step_states(contracts.steps, workflow, NOW)),
        transcript=row,
        events=_events(output),
        requests=(),
        stand_ins=stand_ins,
        recording_keys=frozenset() if deleted else frozenset(scenario.track_keys),
        transcript_keys=frozenset() if deleted else _keys(scenario),
        urls=tuple(_url(track.index, deleted=deleted) for track in scenario.meeting.tracks),
        mixdown=small_mixdown(),
        fleet_log="pad_track: track 1 padded\n",
        secrets=(stand_ins.credentials.modal_key, stand_ins.credentials.webhook_secret),
        writes=dict.fromkeys(_keys(scenario), 1),
    )
    transcript = " ".join(word["word"] for word in output["all_words"])
    llm_requests = [
        request_during(evidence, "detect_topics", f"Find topics in: {transcript}"),
        request_during(evidence, "generate_title", "Find a title"),
        *(request_during(evidence, "generate_summary", "Summarize") for _ in range(2 + 2 * 3)),
    ]
    return replace(evidence, requests=(*llm_requests, *stand_ins.ledger.requests()))


def tasks_of(step: Step, *, branches: int = 3, **changes: Any) -> list[dict[str, Any]]:
    """Return a step's tasks as Conductor's API returns them: a fork and its branches."""
    start = START + step.index
    times = {"startTime": start * 1000, "endTime": (start + STEP_SECONDS) * 1000}
    common = {
        "status": "COMPLETED",
        **times,
        "outputData": {},
        "workflowTask": {"optional": step.optional},
        **changes,
    }
    if not step.dynamic:
        own = {"referenceTaskName": step.reference, "taskDefName": step.task_type}
        return [{**own, **common}]
    fork = {"referenceTaskName": step.reference, "taskDefName": "FORK", "status": "COMPLETED"}
    return [
        fork,
        *(
            {
                "referenceTaskName": f"{step.task_type}_{index}",
                "taskDefName": step.task_type,
                **common,
            }
            for index in range(branches)
        ),
    ]


def post(stand_ins: StandIns, content: str, *, topic: str = ZULIP_TOPIC) -> None:
    """Post to Zulip as a fleet does."""
    keys = stand_ins.credentials
    with stand_ins.in_process() as served:
        httpx.post(
            f"{served.urls['zulip']}/api/v1/messages",
            auth=(keys.zulip_email, keys.zulip_key),
            data={"type": "stream", "to": ZULIP_STREAM, "topic": topic, "content": content},
        ).raise_for_status()


def deliver(stand_ins: StandIns, content: object, *, secret: str = "") -> None:
    """Add a signed webhook delivery to the ledger; `secret` is the correct one by default."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    signature = sign(secret or stand_ins.credentials.webhook_secret, body, int(time.time()))
    headers = (("x-webhook-event", "transcript.completed"), ("x-webhook-signature", signature))
    ticket = stand_ins.ledger.open("webhook", IncomingRequest("POST", "/room", {}, headers, body))
    stand_ins.ledger.close(ticket, status=200)


def payload(scenario: Scenario, output: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "event": "transcript.completed",
        "transcript": {
            "id": scenario.transcript_id,
            "room_id": scenario.room_id,
            "title": output["title"],
            "short_summary": output["short_summary"],
            "long_summary": output["summary"],
            "duration": output["duration"],
            "status": "ended",
            "topics": output["topics"],
            "participants": [
                {"speaker": track.index, "name": track.participant.name}
                for track in scenario.meeting.tracks
            ],
        },
    }


def request_during(
    evidence: Evidence, step_name: str, prompt: str, *, service: str = "llm", status: int = 200
) -> Request:
    """Return a request to a service while a step ran."""
    step = next(step for step in evidence.steps if step.name == step_name)
    assert step.started_at is not None
    body = json.dumps({"messages": [{"role": "user", "content": prompt}]}).encode()
    at = step.started_at + STEP_SECONDS / 2
    return Request(0, service, "POST", "/v1/chat/completions", {}, (), body, at, status, b"", at)


def with_output(evidence: Evidence, **changes: Any) -> Evidence:
    output = {**evidence.output, **changes}
    return replace(evidence, workflow={**evidence.workflow, "output": output})


def with_step(evidence: Evidence, name: str, **changes: Any) -> Evidence:
    steps = (replace(s, **changes) if s.name == name else s for s in evidence.steps)
    return replace(evidence, steps=tuple(steps))


def with_words(evidence: Evidence, change: Callable[[Words], Words]) -> Evidence:
    """Change a copy of the merged words and adapt their count."""
    words = change([dict(word) for word in evidence.output["all_words"]])
    return with_output(evidence, all_words=words, word_count=len(words))


def _output(scenario: Scenario, texts: Mapping[str, str]) -> dict[str, Any]:
    mixdown = small_mixdown()
    levels = np.abs(mixdown.audio.samples)
    edges = np.linspace(0, levels.size, PEAKS + 1).astype(int)
    words = [
        {"word": word.text, "start": word.start, "end": word.end, "speaker": word.track_index}
        for word in scenario.meeting.truth()
    ]
    return {
        "transcript_id": scenario.transcript_id,
        "audio_key": TASKS["mixdown_tracks"].stored_key.format(
            transcript_id=scenario.transcript_id
        ),
        "duration": mixdown.audio.duration,
        "waveform": [float(levels[begin:end].max()) for begin, end in pairwise(edges)],
        "all_words": words,
        "word_count": len(words),
        "topics": [
            {
                "id": "topic-1",
                "title": texts.get("topic", f"On {tracers()}"),
                "summary": "A summary.",
                "timestamp": 0.0,
                "duration": 4.0,
            }
        ],
        "title": texts.get("title", f"Meeting on {tracers()}"),
        "summary": texts.get("summary", f"At length: {tracers()}"),
        "short_summary": texts.get("short_summary", f"In short: {tracers()}"),
        "audio_deleted": bool(scenario.denied),
        "message_id": "481000001",
        "webhook_sent": True,
    }


def _events(output: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return (
        ("PIPELINE_PROGRESS", PROGRESS),
        ("DURATION", {"duration": output["duration"]}),
        ("WAVEFORM", {"waveform": output["waveform"]}),
        ("TRANSCRIPT", {"text": "…", "translation": None}),
        ("TOPIC", output["topics"][0]),
        ("FINAL_LONG_SUMMARY", {"long_summary": output["summary"]}),
        ("FINAL_SHORT_SUMMARY", {"short_summary": output["short_summary"]}),
        ("FINAL_TITLE", {"title": output["title"]}),
        ("STATUS", {"value": "ended"}),
    )


def _keys(scenario: Scenario) -> frozenset[str]:
    # Track 0 starts with the meeting and needs no padding.
    keys = [(TASKS["mixdown_tracks"].stored_key, 0)]
    keys += [(TASKS["pad_track"].stored_key, index) for index in (1, 2)]
    return frozenset(
        key.format(transcript_id=scenario.transcript_id, track_index=index) for key, index in keys
    )


def _url(index: int, *, deleted: bool) -> ServedUrl:
    expires = TASKS["pad_track"].effects["presign_seconds"]
    url = f"http://s3.test/track-{index}?X-Amz-Expires={expires}&X-Amz-Signature=abc"
    return ServedUrl(index, url, PADDED_BYTES, *((404, 0) if deleted else (200, PADDED_BYTES)))


def with_lists_by_reference(evidence: Evidence) -> Evidence:
    """Return the evidence of the same meeting as if its lists were large."""
    transcript_id, output = evidence.scenario.transcript_id, dict(evidence.output)

    def reference(task: Mapping[str, Any]) -> dict[str, Any]:
        template = evidence.contracts.tasks[task["taskDefName"]].stored_key
        digest = hashlib.sha256(task["referenceTaskName"].encode()).hexdigest()
        key = template.format(transcript_id=transcript_id, sha256=digest)
        return {"key": key, "count": 1, "size": 2}

    tasks = [
        {**task, "outputData": {LISTS[task["taskDefName"]]: reference(task)}}
        if task["taskDefName"] in LISTS
        else task
        for task in evidence.workflow["tasks"]
    ]
    workflow = {**evidence.workflow, "tasks": tasks}
    kept = list_keys(workflow, *OUTPUTS.values())
    named = {field: {"key": key} for field, key in zip(OUTPUTS, sorted(kept), strict=True)}
    return replace(
        evidence,
        workflow={**workflow, "output": {**output, **named}},
        lists={field: output[field] for field in OUTPUTS},
        transcript_keys=evidence.transcript_keys.union(() if evidence.scenario.denied else kept),
    )
