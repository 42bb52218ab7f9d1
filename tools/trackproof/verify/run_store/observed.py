"""The result of a meeting from its evidence, and the files kept of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from trackproof.checks.delivery import own_deliveries
from trackproof.checks.word_matching import Match, TimedWord, match
from trackproof.events.meeting import (
    Delivery,
    MeetingResult,
    MeetingTopic,
    ServiceRequest,
    Speaker,
    StoredFile,
    TranscriptWord,
    ZulipText,
)
from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET, Testbed
from trackproof.runs.evidence import Evidence
from trackproof.runs.unavailable import NotVisible
from trackproof.suite.redaction import redacted_parts
from trackproof.testbed.stand_ins.ledger import Request
from trackproof.testbed.stand_ins.services.webhook import SignatureError
from trackproof.verify.run_store.run_folder import RunFolder
from trackproof.verify.run_store.store import RunStore

RESULT_FILE: Final = "meeting.json"
WORKFLOW_FILE: Final = "workflow.json"
LEDGER_FILE: Final = "ledger.json"
MIX_FILE: Final = "mixdown.mp3"
TEXT_BYTES: Final = 200_000
"""Limit for one body."""
AUDIO_BYTES: Final = 40_000_000
"""Limit for the audio of one run."""

_RESULT = TypeAdapter(MeetingResult)


def meeting_result(evidence: Evidence, audio: Sequence[str] = ()) -> MeetingResult:
    """Return what a tester looks at; unreadable parts of a fleet's output are left out."""
    meeting, output = evidence.scenario.meeting, evidence.output
    row: Mapping[str, Any] = {}
    with suppress(NotVisible):
        row = {name: evidence.transcript.get(name) for name in ("title", "short_summary")}
    truth = [(word.text, word.start, word.end, word.track_index) for word in meeting.truth()]
    heard = [
        (
            str(word.get("word", "")),
            _number(word.get("start")),
            _number(word.get("end")),
            _index(word.get("speaker")),
        )
        for word in output.get("all_words") or []
        if isinstance(word, Mapping)
    ]
    compared = match(
        (TimedWord((speaker, text), start) for text, start, _, speaker in truth),
        (TimedWord((speaker, text), start) for text, start, _, speaker in heard),
    )
    return MeetingResult(
        duration=meeting.duration,
        speakers=tuple(
            Speaker(
                track.index,
                track.participant.name,
                track.offset,
                track.duration,
                track.index in evidence.scenario.denied,
            )
            for track in meeting.tracks
        ),
        spoken=_words(truth, compared, "missing"),
        transcribed=_words(heard, compared, "surplus"),
        title=str(output.get("title") or row.get("title") or ""),
        short_summary=str(output.get("short_summary") or row.get("short_summary") or ""),
        long_summary=str(output.get("summary") or ""),
        topics=tuple(
            MeetingTopic(
                str(topic.get("title", "")),
                str(topic.get("summary", "")),
                _number(topic.get("timestamp")) if "timestamp" in topic else None,
            )
            for topic in output.get("topics") or []
            if isinstance(topic, Mapping)
        ),
        waveform=tuple(_number(one) for one in output.get("waveform") or []),
        zulip=tuple(
            ZulipText(one.stream, one.topic, one.content)
            for one in evidence.stand_ins.zulip.messages()
            if one.posted_at >= evidence.began
        ),
        webhooks=tuple(_delivery(evidence, one) for one in own_deliveries(evidence)),
        requests=tuple(map(_request, evidence.requests)),
        objects=(
            *(
                StoredFile(RECORDING_BUCKET, key)
                for key in sorted(evidence.recording_keys)
                if key in evidence.scenario.track_keys
            ),
            *(StoredFile(TRANSCRIPT_BUCKET, key) for key in sorted(evidence.transcript_keys)),
        ),
        audio=tuple(audio),
    )


def keep_evidence(
    folder: RunFolder, evidence: Evidence, testbed: Testbed, secrets: Sequence[str]
) -> MeetingResult:
    """Write the evidence of a meeting into the folder of its run; return its result.

    Raises:
        OSError: The folder cannot be written.
    """
    audio = _keep_audio(folder, evidence, testbed)
    result = redacted_parts(meeting_result(evidence, audio), secrets)
    folder.write_bytes(RESULT_FILE, _RESULT.dump_json(result))
    folder.write_json(WORKFLOW_FILE, evidence.workflow, secrets)
    folder.write_json(LEDGER_FILE, [_ledger_entry(one) for one in evidence.requests], secrets)
    with suppress(NotVisible):
        events = [{"event": name, "data": data} for name, data in evidence.events]
        folder.write_json("events.json", events, secrets)
    logs = {"fleet.log": evidence.fleet_log, "conductor.log": testbed.conductor.logs(2_000)}
    for name, text in logs.items():
        folder.write_text(name, redacted_parts(text, secrets))
    return result


def read_result(store: RunStore, run_id: str) -> MeetingResult | None:
    """Return the kept result of a run; None if it has none."""
    try:
        return _RESULT.validate_json(store.path(run_id, RESULT_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def _keep_audio(folder: RunFolder, evidence: Evidence, testbed: Testbed) -> list[str]:
    """Keep the mixdown and the tracks; of denied consent nothing, and none beyond the limit."""
    if evidence.scenario.denied:
        return []
    names, left = [], AUDIO_BYTES
    key = evidence.output.get("audio_key")
    with suppress(KeyError, ValueError, TypeError):
        mix = testbed.s3.read_version(TRANSCRIPT_BUCKET, str(key))
        if len(mix) <= left:
            folder.write_bytes(MIX_FILE, mix)
            names, left = [MIX_FILE], left - len(mix)
    for path in evidence.scenario.audio:
        if path.is_file() and path.stat().st_size <= left:
            folder.write_bytes(path.name, path.read_bytes())
            names.append(path.name)
            left -= path.stat().st_size
    return names


def _words(
    words: Sequence[tuple[str, float, float, int]], compared: Match, side: str
) -> tuple[TranscriptWord, ...]:
    alone: dict[tuple[Any, float], int] = {}
    for one in getattr(compared, side):
        place = (one.identity, one.start)
        alone[place] = alone.get(place, 0) + 1
    result = []
    for text, start, end, speaker in words:
        place = ((speaker, text), start)
        left = alone.get(place, 0)
        alone[place] = left - 1
        result.append(TranscriptWord(text, start, end, speaker, matched=left <= 0))
    return tuple(result)


def _delivery(evidence: Evidence, request: Request) -> Delivery:
    problem = ""
    try:
        evidence.stand_ins.webhook.verify(request)
    except SignatureError as error:
        problem = str(error)
    return Delivery(
        at=request.received_at,
        status=request.status,
        retry=request.header("x-webhook-retry"),
        signature=problem,
        body=_pretty(request.body),
    )


def _pretty(body: bytes) -> str:
    text = body[:TEXT_BYTES].decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text


def _request(request: Request) -> ServiceRequest:
    answered = request.answered_at or request.received_at
    return ServiceRequest(
        service=request.service,
        method=request.method,
        path=request.path,
        status=request.status,
        at=request.received_at,
        seconds=round(answered - request.received_at, 4),
        faulted=request.faulted,
        violations=request.violations,
    )


def _ledger_entry(request: Request) -> dict[str, Any]:
    return {
        **asdict(_request(request)),
        "body": request.body[:TEXT_BYTES].decode("utf-8", "replace"),
        "response": request.response[:TEXT_BYTES].decode("utf-8", "replace"),
    }


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _index(value: Any) -> int:
    return value if isinstance(value, int) else -1
