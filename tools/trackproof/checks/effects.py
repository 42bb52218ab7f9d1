"""The ledger of a meeting's effects: how often each happened, and how often it may have.

Counted from the stand-ins' own records, S3's versions, the row and the events; never from what the
fleet says that it did. An effect may be repeated once for each answer that was lost on its way,
and by each further attempt at its task where the contract lets an attempt repeat it. Requests that
were refused or not answered had no effect, so that a client may repeat them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from trackproof.checks.delivery import EVENT, is_of_another, own_deliveries
from trackproof.checks.llm import chunks, prompt
from trackproof.checks.storage import expected_keys
from trackproof.runs.evidence import Evidence
from trackproof.runs.follow import Workflow
from trackproof.runs.stored_lists import LISTS, TEMPORARY, list_keys
from trackproof.runs.unavailable import NotVisible
from trackproof.runs.word_order import WordText
from trackproof.testbed.stand_ins.ledger import Request

LLM_TASKS = ("detect_topics", "generate_title", "generate_summary")
FAULT_FREE_COUNTS: Final = frozenset(
    {
        "llm.topic_calls",
        "llm.summary_calls",
        "services.accepted",
        "zulip.message",
        "webhook.signature",
        "effects.outside",
        "effects.stored",
    }
)
"""Checks that count effects of a run without faults; with faults the ledger counts instead."""

UNCOUNTED_EVENTS = frozenset({"STATUS", "PIPELINE_PROGRESS"})
"""Events that tell a state, which may be told again."""


@dataclass(frozen=True, slots=True)
class Losses:
    """What injected faults took from the fleet, which explains repeated effects."""

    answers: Mapping[str, int] = field(default_factory=dict)
    """Requests that a service carried out and whose answers were lost, by service."""
    earlier: Sequence[Workflow] = ()
    """The run as it was each time before it was repaired: a repair may drop its attempts."""
    redelivered: Sequence[str] = ()
    """Ids of tasks that were delivered a second time, which is a further attempt."""
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
    task: str = ""
    """The task type whose attempts allow it."""
    attempts: int = 0
    """The number of these attempts."""

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
        text = f"{self.effect}: {self.counted}, {allowed} allowed"
        if not self.task:
            return text
        return (
            f"{text} with {self.attempts or 'no'} attempt{'s' * (self.attempts > 1)} at {self.task}"
        )


def count_effects(
    evidence: Evidence, writes: Mapping[str, int], losses: Losses = Losses()
) -> list[EffectCount]:
    """Count every effect of a meeting, also of one that others ran beside.

    Args:
        evidence: Its evidence.
        writes: How often each object of its transcript was written, by key.
        losses: What injected faults took from the fleet.

    Raises:
        NotVisible: The profile exposes neither rows nor events.
    """
    return [*outside_effects(evidence, writes, losses), *stored_effects(evidence, losses)]


def outside_effects(
    evidence: Evidence, writes: Mapping[str, int], losses: Losses = Losses()
) -> list[EffectCount]:
    """Count the effects outside of the fleet: objects, and requests to services."""
    return [
        *_objects(evidence, writes, losses),
        *_messages(evidence, losses),
        *_webhooks(evidence, losses),
        *_transcriptions(evidence, losses),
        *_completions(evidence, losses),
    ]


def stored_effects(evidence: Evidence, losses: Losses = Losses()) -> list[EffectCount]:
    """Count the effects in the fleet's database, rows and events, as far as they are exposed.

    Raises:
        NotVisible: The profile exposes neither.
    """
    counts: list[EffectCount] = []
    hidden: list[NotVisible] = []
    for effects in (partial(_rows, evidence), partial(_events, evidence, losses)):
        try:
            counts += effects()
        except NotVisible as error:
            hidden.append(error)
    if len(hidden) > 1:
        raise hidden[0]
    return counts


def _attempts_by_branch(evidence: Evidence, losses: Losses, *tasks: str) -> Counter[str]:
    """Return the numbers of attempts at tasks that may have begun, by reference name."""
    begun = {
        task.get("taskId", f"{number}"): str(task["referenceTaskName"])
        for workflow in (*losses.earlier, evidence.workflow)
        for number, task in enumerate(workflow["tasks"])
        if task["taskDefName"] in tasks and task.get("startTime")
    }
    again = (begun[task_id] for task_id in losses.redelivered if task_id in begun)
    return Counter(begun.values()) + Counter(again)


def _attempts(evidence: Evidence, losses: Losses, *tasks: str) -> int:
    """Return the number of attempts at tasks that may have begun."""
    return _attempts_by_branch(evidence, losses, *tasks).total()


def _completed(evidence: Evidence, reference: str) -> bool:
    return (evidence.task(reference) or {}).get("status") == "COMPLETED"


def _objects(
    evidence: Evidence, writes: Mapping[str, int], losses: Losses
) -> Iterator[EffectCount]:
    """Each object is written at least once, and by each attempt at most once."""
    padded, mixdown = (
        evidence.contracts.tasks[task].stored_key for task in ("pad_track", "mixdown_tracks")
    )
    transcript_id = evidence.scenario.transcript_id
    owners = {
        padded.format(transcript_id=transcript_id, track_index=track.index): (
            "pad_track",
            f"pad_track_{track.index}",
        )
        for track in evidence.scenario.meeting.tracks
    } | {mixdown.format(transcript_id=transcript_id): ("mixdown_tracks", "mixdown_tracks")}
    expected = expected_keys(evidence, denied=False)
    # Of a recorder's own file only the fleet knows whether it needs padding.
    is_known = not evidence.scenario.key_patterns
    for key in sorted(expected if is_known else owners):
        task, reference = owners[key]
        attempts = _attempts_by_branch(evidence, losses, task)[reference]
        least = int(is_known and _completed(evidence, reference))
        most = attempts + losses.of("s3")
        yield EffectCount(
            f"writes of {key}", writes.get(key, 0), least, most, 1, reference, attempts
        )
    for task in LISTS:
        runs = (*losses.earlier, evidence.workflow)
        keys = frozenset[str]().union(*(list_keys(run, task) for run in runs))
        branches = len(evidence.scenario.meeting.tracks) if task == TEMPORARY else 1
        again = max(0, _attempts(evidence, losses, task) - branches) + losses.of("s3")
        for key in sorted(keys & writes.keys()):
            yield EffectCount(f"writes of {key}", writes[key], 1, 1 + again)
        expected |= keys
    others = sum(count for key, count in writes.items() if key not in expected)
    if is_known:
        yield EffectCount("writes of other objects", others, 0, 0)


def _rows(evidence: Evidence) -> Iterator[EffectCount]:
    row = evidence.transcript
    for column, task in (("topics", "detect_topics"), ("participants", "get_participants")):
        found = (evidence.task(task) or {}).get("outputData") or {}
        listed = evidence.output.get(column) or found.get(column)
        expected = len(listed) if isinstance(listed, list) else 0
        if column == "participants" and not expected and not evidence.scenario.key_patterns:
            expected = len(evidence.scenario.meeting.tracks)
        stored = _decoded(row.get(column))
        if isinstance(stored, list) and expected:
            yield EffectCount(f"{column} in the row", len(stored), expected, expected, expected)


def _events(evidence: Evidence, losses: Losses) -> Iterator[EffectCount]:
    counted = Counter(name for name, _ in evidence.events)
    topics = len(evidence.output.get("topics") or [])
    for name, task in evidence.contracts.tasks.items():
        for event in task.effects.get("events", ()):
            if event not in UNCOUNTED_EVENTS:
                once = topics if event == "TOPIC" else 1
                attempts = _attempts(evidence, losses, name)
                least = once if _completed(evidence, name) else 0
                yield EffectCount(
                    f"events {event}", counted[event], least, once * attempts, once, name, attempts
                )


def _messages(evidence: Evidence, losses: Losses) -> Iterator[EffectCount]:
    """One message, however often it was tried, unless an answer was lost."""
    posts = [
        request
        for request in _performed(evidence, "zulip")
        if request.method == "POST"
        and evidence.scenario.transcript_id in (content := request.form.get("content", ""))
        and not is_of_another(content, evidence)
    ]
    task = "post_zulip"
    attempts = _attempts(evidence, losses, task)
    timed_out = any(
        one["taskDefName"] == task and one["status"] == "TIMED_OUT"
        for one in evidence.workflow["tasks"]
    )
    again = max(0, attempts - 1) if losses.interrupted or timed_out else 0
    most = min(1, attempts) + losses.of("zulip") + again
    least = int(_completed(evidence, task))
    yield EffectCount("Zulip messages", len(posts), least, most, 1, task, attempts)


def _webhooks(evidence: Evidence, losses: Losses) -> Iterator[EffectCount]:
    """Each attempt sends one delivery, and all have one event id."""
    deliveries = own_deliveries(evidence)
    ids = {one.json.get("event_id") for one in deliveries if isinstance(one.json, dict)}
    task = "send_webhook"
    attempts, done = _attempts(evidence, losses, task), int(_completed(evidence, task))
    yield EffectCount(f"event ids of {EVENT}", len(ids), 0, 1)
    most = attempts + losses.of("webhook")
    yield EffectCount("webhooks", len(deliveries), done, most, 1, task, attempts)


def _transcriptions(evidence: Evidence, losses: Losses) -> Iterator[EffectCount]:
    """Each attempt transcribes its track at most once: an answer may be cached."""
    task, lost = "transcribe_track", losses.of("modal")
    attempts = _attempts_by_branch(evidence, losses, task)
    own = {
        urlsplit(str((one.get("inputData") or {}).get("audio_url"))).path
        for one in evidence.workflow["tasks"]
        if one["taskDefName"] == task
    }
    paths = [
        urlsplit(str((request.json or {}).get("audio_file_url"))).path
        for request in _performed(evidence, "modal")
    ]
    # A fleet may sign the object again, in the other style of S3's addresses.
    calls = [
        next((one for one in own if one.endswith(path) or path.endswith(one)), path)
        for path in paths
    ]
    if evidence.beside:
        calls = [path for path in calls if path in own]
    total, tracks = attempts.total(), len(evidence.scenario.meeting.tracks)
    yield EffectCount("GPU calls", len(calls), 0, total + lost, tracks, task, total)
    of_one = max(attempts.values(), default=0)
    most_equal = _most_equal(calls)
    yield EffectCount("GPU calls of one track", most_equal, 0, of_one + lost, 1, task, of_one)


def _completions(evidence: Evidence, losses: Losses) -> Iterator[EffectCount]:
    """No attempt pays for an equal prompt twice, or for a group of words."""
    attempts = _attempts_by_branch(evidence, losses, *LLM_TASKS)
    most = max(attempts.values(), default=0) * (1 + len(evidence.beside)) + losses.of("llm")
    if attempts:
        bodies = [request.body for request in _performed(evidence, "llm")]
        yield EffectCount("LLM calls with one prompt", _most_equal(bodies), 0, most)
    task = "detect_topics"
    during = evidence.requests_during("llm", task)
    prompts = [WordText(prompt(one)) for one in during if _is_performed(one)]
    groups, number = chunks(evidence), _attempts(evidence, losses, task)
    # A prompt may also have the words before its group, as context.
    counted = sum(any(text.has(group) for group in groups) for text in prompts)
    most = len(groups) * number + losses.of("llm")
    yield EffectCount("LLM calls with groups of words", counted, 0, most, len(groups), task, number)


def _decoded(value: Any) -> Any:
    """Decode JSON, which SQLite returns as text."""
    with suppress(ValueError):
        return json.loads(value) if isinstance(value, str) else value
    return None


def _performed(evidence: Evidence, service: str) -> list[Request]:
    """Return the requests that a service carried out with success."""
    return [one for one in evidence.requests if one.service == service and _is_performed(one)]


def _is_performed(request: Request) -> bool:
    return request.carried_out and (request.status is None or request.status < 400)


def _most_equal(values: Sequence[Any]) -> int:
    return max(Counter(values).values(), default=0)
