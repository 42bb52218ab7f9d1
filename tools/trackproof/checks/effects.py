"""The ledger of a meeting's effects: how often each happened, and how often it may have.

Counted from the stand-ins' own records, S3's versions, the row and the events; never from what the
fleet says that it did. An effect may be repeated once for each answer that was lost on its way,
and by each further attempt at its task where the contract lets an attempt repeat it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from trackproof.checks.delivery import EVENT, own_deliveries
from trackproof.checks.storage import expected_keys
from trackproof.runs.evidence import Evidence
from trackproof.runs.follow import Workflow
from trackproof.runs.ids import names_id
from trackproof.runs.stored_lists import LISTS, TEMPORARY, list_keys
from trackproof.testbed.stand_ins.ledger import Request

LLM_TASKS = ("detect_topics", "generate_title", "generate_summary")
UNCOUNTED_EVENTS = frozenset({"STATUS", "PIPELINE_PROGRESS"})
"""Events that tell a state, which may be told again."""


@dataclass(frozen=True, slots=True)
class Losses:
    """What injected faults took from the fleet, which explains repeated effects."""

    answers: Mapping[str, int] = field(default_factory=dict)
    """Requests that a service carried out and whose answers were lost, by service."""
    earlier: Sequence[Workflow] = ()
    """The run as it was each time before it was repaired: a repair may drop its attempts."""
    interrupted: bool = False
    """Whether an attempt may have ended between an effect and its record: its process was killed
    or stopped, or Conductor or the database could not be reached."""

    def of(self, service: str) -> int:
        """Return the number of answers of a service that were lost."""
        return self.answers.get(service, 0)


@dataclass(frozen=True, slots=True)
class EffectCount:
    """How often an effect happened."""

    effect: str
    counted: int
    least: int
    most: int
    usual: int = 1
    """The number without faults."""

    @property
    def repeated(self) -> bool:
        """Whether it happened more often than without faults."""
        return self.counted > self.usual

    @property
    def holds(self) -> bool:
        """Whether the contract allows the number."""
        return self.least <= self.counted <= self.most

    def __str__(self) -> str:
        allowed = str(self.most) if self.least == self.most else f"{self.least} to {self.most}"
        return f"{self.effect}: {self.counted}, {allowed} allowed"


def count_effects(
    evidence: Evidence, writes: Mapping[str, int], losses: Losses = Losses()
) -> list[EffectCount]:
    """Count every effect of a completed meeting that ran alone.

    Args:
        evidence: Its evidence.
        writes: How often each object of its transcript was written, by key.
        losses: What injected faults took from the fleet.
    """
    return [
        *_objects(evidence, writes, losses),
        *_rows(evidence),
        *_events(evidence, losses),
        *_messages(evidence, losses),
        *_webhooks(evidence, losses),
        *_transcriptions(evidence, losses),
        *_completions(evidence, losses),
    ]


def _attempts_by_branch(evidence: Evidence, losses: Losses, *tasks: str) -> Counter[str]:
    """Return the numbers of attempts at tasks that may have begun, by reference name."""
    begun = {
        task["taskId"]: str(task["referenceTaskName"])
        for workflow in (*losses.earlier, evidence.workflow)
        for task in workflow["tasks"]
        if task["taskDefName"] in tasks and task.get("startTime")
    }
    return Counter(begun.values())


def _attempts(evidence: Evidence, losses: Losses, *tasks: str) -> int:
    """Return the number of attempts at tasks that may have begun."""
    return _attempts_by_branch(evidence, losses, *tasks).total()


def _objects(
    evidence: Evidence, writes: Mapping[str, int], losses: Losses
) -> Iterator[EffectCount]:
    """Each object is written at least once, and by each attempt at most once."""
    mixdown = evidence.contracts.tasks["mixdown_tracks"].stored_key.partition("/")[2]
    expected = expected_keys(evidence, denied=False)
    for key in sorted(expected):
        task = "mixdown_tracks" if key.endswith(mixdown) else "pad_track"
        tracks = 1 if task == "mixdown_tracks" else len(evidence.scenario.meeting.tracks)
        most = 1 + max(0, _attempts(evidence, losses, task) - tracks) + losses.of("s3")
        yield EffectCount(f"writes of {key}", writes.get(key, 0), 1, most)
    for task in LISTS:
        runs = (*losses.earlier, evidence.workflow)
        keys = frozenset[str]().union(*(list_keys(run, task) for run in runs))
        branches = len(evidence.scenario.meeting.tracks) if task == TEMPORARY else 1
        again = max(0, _attempts(evidence, losses, task) - branches) + losses.of("s3")
        for key in sorted(keys):
            yield EffectCount(f"writes of {key}", writes.get(key, 0), 1, 1 + again)
        expected |= keys
    others = sum(count for key, count in writes.items() if key not in expected)
    yield EffectCount("writes of other objects", others, 0, 0)


def _rows(evidence: Evidence) -> Iterator[EffectCount]:
    row, output = evidence.transcript, evidence.output
    participants = len(evidence.scenario.meeting.tracks)
    for column, expected in (
        ("topics", len(output.get("topics") or [])),
        ("participants", participants),
    ):
        stored = _decoded(row.get(column))
        if isinstance(stored, list):
            yield EffectCount(f"{column} in the row", len(stored), expected, expected, expected)


def _events(evidence: Evidence, losses: Losses) -> Iterator[EffectCount]:
    counted = Counter(name for name, _ in evidence.events)
    topics = len(evidence.output.get("topics") or [])
    for name, task in evidence.contracts.tasks.items():
        for event in task.effects.get("events", ()):
            if event not in UNCOUNTED_EVENTS:
                once = topics if event == "TOPIC" else 1
                attempts = max(1, _attempts(evidence, losses, name))
                yield EffectCount(f"events {event}", counted[event], once, once * attempts, once)


def _messages(evidence: Evidence, losses: Losses) -> Iterator[EffectCount]:
    posts = [
        request
        for request in _performed(evidence, "zulip")
        if request.method == "POST"
        and names_id(request.form.get("content", ""), evidence.scenario.transcript_id)
    ]
    again = max(0, _attempts(evidence, losses, "post_zulip") - 1) if losses.interrupted else 0
    yield EffectCount("Zulip messages", len(posts), 1, 1 + losses.of("zulip") + again)


def _webhooks(evidence: Evidence, losses: Losses) -> Iterator[EffectCount]:
    deliveries = [one for one in own_deliveries(evidence) if one.carried_out]
    ids = {one.json.get("event_id") for one in deliveries if isinstance(one.json, dict)}
    yield EffectCount(f"event ids of {EVENT}", len(ids), 1, 1)
    attempts = max(1, _attempts(evidence, losses, "send_webhook"))
    yield EffectCount("webhooks", len(deliveries), 1, attempts + losses.of("webhook"))


def _transcriptions(evidence: Evidence, losses: Losses) -> Iterator[EffectCount]:
    tracks, lost = len(evidence.scenario.meeting.tracks), losses.of("modal")
    attempts = _attempts_by_branch(evidence, losses, "transcribe_track")
    again = sum(number - 1 for number in attempts.values()) + lost
    calls = [
        urlsplit(str((request.json or {}).get("audio_file_url"))).path
        for request in _performed(evidence, "modal")
    ]
    yield EffectCount("GPU calls", len(calls), 0, tracks + again, tracks)
    of_one = max(attempts.values(), default=1)
    yield EffectCount("GPU calls of one track", _most_equal(calls), 0, of_one + lost)


def _completions(evidence: Evidence, losses: Losses) -> Iterator[EffectCount]:
    attempts = _attempts_by_branch(evidence, losses, *LLM_TASKS)
    most = max(attempts.values(), default=1) + losses.of("llm")
    bodies = [request.body for request in _performed(evidence, "llm")]
    yield EffectCount("LLM calls with one prompt", _most_equal(bodies), 0, most)


def _decoded(value: Any) -> Any:
    """Decode JSON, which SQLite returns as text."""
    with suppress(ValueError):
        return json.loads(value) if isinstance(value, str) else value
    return None


def _performed(evidence: Evidence, service: str) -> list[Request]:
    """Return the requests that a service carried out with success."""
    return [
        request
        for request in evidence.requests
        if request.service == service
        and request.carried_out
        and (request.status is None or request.status < 400)
    ]


def _most_equal(values: Sequence[Any]) -> int:
    return max(Counter(values).values(), default=0)
