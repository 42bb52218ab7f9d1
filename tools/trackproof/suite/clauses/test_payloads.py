"""Clauses on the payloads of meetings, large and small, and on lists by reference."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.lab import TRANSCRIPT_BUCKET
from trackproof.runs.pipeline_run import PipelineRun
from trackproof.runs.scenario import Scenario
from trackproof.runs.stored_lists import LISTS, TEMPORARY, list_keys
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.meetings import every_track_count
from trackproof.suite.clauses.storage import put_object
from trackproof.suite.clauses.task_inputs import make_topics, make_words
from trackproof.suite.harness import Harness
from trackproof.suite.pipelines import run_meetings

TRACKS, WORDS, LETTERS = 12, 600, 200
"""Tracks, words of each track, and letters of each word."""

TASK_BYTES, WORKFLOW_BYTES = 3_072 * 1024, 5_120 * 1024
"""Conductor's default thresholds for payloads of tasks and workflows. Beyond them a server without
an external store hands on nothing."""

SIZES = load_contracts().pipeline_constants
PAYLOAD_BYTES, LIST_BYTES = SIZES["payload_bytes"], SIZES["list_bytes"]

STEP_SECONDS: Final = 0.5
"""From the start of a word to that of the next one."""

TOPIC_TEXT: Final = "会議の話題です。" * 125
"""A summary of a few sentences, 3,000 bytes: 24 topics have more than one list may."""

LARGE, DENIED = "large meeting", "large meeting, consent denied"

FIELDS: Final = frozenset({"words", "all_words", "topics"})

Word = dict[str, Any]


def long_words() -> list[Word]:
    """Return words as the transcription service does."""
    return [
        {
            "word": f"w{nth}".ljust(LETTERS, "x"),
            "start": nth * STEP_SECONDS,
            "end": nth * STEP_SECONDS + STEP_SECONDS / 2,
        }
        for nth in range(WORDS)
    ]


def expected_words(tracks: int) -> list[Word]:
    """Return the words of a meeting, each of which every track has."""
    return [{**word, "speaker": speaker} for word in long_words() for speaker in range(tracks)]


@pytest.fixture(scope="module")
def large_runs(session_harness: Harness) -> dict[str, PipelineRun]:
    """Run the large meetings side by side."""
    harness = session_harness
    harness.reset()
    meetings = {
        LARGE: harness.meeting(tracks=TRACKS, offsets=[0] * TRACKS, seconds=4, seed=231),
        DENIED: harness.meeting(tracks=2, offsets=[0] * 2, seconds=4, seed=232, denied=[1]),
    }
    harness.break_service("modal", body=json.dumps({"text": "", "words": long_words()}))
    harness.break_service("llm", text=TOPIC_TEXT)
    return run_meetings(harness, meetings)


def payloads(harness: Harness, run: PipelineRun) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of every input and output, JOINs included."""
    for task in run.workflow["tasks"]:
        for side, key in (("input", "inputData"), ("output", "outputData")):
            yield f"{side} of {task['referenceTaskName']}", task.get(key)
    # A profile may complete the output of `run.workflow` from elsewhere.
    workflow = harness.testbed.rest.workflow(run.workflow["workflowId"], include_tasks=False)
    for side in ("input", "output"):
        yield f"{side} of the workflow", workflow.get(side)


def larger(sizes: Mapping[str, int], limit: int) -> dict[str, int]:
    return {name: size for name, size in sizes.items() if size > limit}


def size_of(payload: Any) -> int:
    return len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())


def values_of(payload: Any) -> Iterator[Any]:
    """Yield the value of every field for words or topics in a payload or one of its branches."""
    match payload:
        case Mapping():
            for name, value in payload.items():
                if name in FIELDS:
                    yield value
                else:
                    yield from values_of(value)
        case list():
            for item in payload:
                yield from values_of(item)


def expect_complete(run: PipelineRun, tracks: int) -> None:
    """Raise a ClauseViolation unless a meeting has completed with every word."""
    expect(run.status, "status of the workflow").equals("COMPLETED")
    expect(run.evidence.output.get("word_count"), "word_count").equals(tracks * WORDS)
    words = run.evidence.output.get("all_words")
    expect(len(words or ()), "words handed on").equals(tracks * WORDS)
    expect(words == expected_words(tracks), "every word has its time and speaker").equals(True)


@pytest.mark.clause("pipeline.payloads")
def test_large_meeting_stays_below_the_servers_limits(
    large_runs: dict[str, PipelineRun], harness: Harness
) -> None:
    run = large_runs[LARGE]
    harness.runs.append(run.as_task_run())

    expect_complete(run, TRACKS)
    sizes = {name: size_of(payload) for name, payload in payloads(harness, run)}
    of_workflow = {name: size for name, size in sizes.items() if name.endswith("the workflow")}
    of_tasks = {name: size for name, size in sizes.items() if name not in of_workflow}
    too_large = larger(of_tasks, TASK_BYTES) | larger(of_workflow, WORKFLOW_BYTES)
    expect(too_large, "bytes of each payload beyond its limit").equals({})


@pytest.mark.clause("pipeline.large-lists")
def test_large_lists_go_by_reference(large_runs: dict[str, PipelineRun], harness: Harness) -> None:
    run = large_runs[LARGE]
    harness.runs.append(run.as_task_run())

    expect_complete(run, TRACKS)
    sizes = {name: size_of(payload) for name, payload in payloads(harness, run)}
    expect(larger(sizes, PAYLOAD_BYTES), "bytes of each payload beyond its limit").equals({})
    lists = {
        name: max(map(size_of, values_of(payload)), default=0)
        for name, payload in payloads(harness, run)
    }
    expect(larger(lists, LIST_BYTES), "bytes of each list beyond its limit").equals({})


@pytest.mark.clause("pipeline.large-lists")
def test_lists_of_single_tracks_are_deleted(
    large_runs: dict[str, PipelineRun], harness: Harness
) -> None:
    run = large_runs[LARGE]
    harness.runs.append(run.as_task_run())
    present = set(harness.testbed.s3.keys(TRANSCRIPT_BUCKET))

    stored = list_keys(run.workflow, *LISTS)
    temporary = list_keys(run.workflow, TEMPORARY)
    own = {
        key
        for key in present
        if key.startswith(f"{run.evidence.scenario.transcript_id}/track_words_")
    }
    expect(own | (temporary & present), "lists of single tracks that are left").equals(set())
    expect(stored - temporary - present, "lists that are missing").equals(set())


@pytest.mark.clause("pipeline.denied-lists")
def test_denied_consent_deletes_all_lists(
    large_runs: dict[str, PipelineRun], harness: Harness
) -> None:
    run = large_runs[DENIED]
    harness.runs.append(run.as_task_run())

    expect_complete(run, 2)
    left = list_keys(run.workflow, *LISTS) & set(harness.testbed.s3.keys(TRANSCRIPT_BUCKET))
    expect(left, "lists that are left").equals(set())
    expect(len(run.evidence.transcript.get("words") or ()), "words in the row").equals(2 * WORDS)


@pytest.mark.clause("pipeline.small-lists")
@every_track_count
def test_small_lists_are_handed_on_themselves(run: PipelineRun, harness: Harness) -> None:
    others = [
        name
        for name, payload in payloads(harness, run)
        if not all(isinstance(value, list) for value in values_of(payload))
    ]
    expect(others, "payloads whose words or topics are no list").equals([])


INPUTS: Final[Mapping[str, tuple[str, str]]] = {
    "merge_transcripts": ("transcripts", "transcribe_track"),
    "detect_topics": ("words", "merge_transcripts"),
    "generate_title": ("topics", "detect_topics"),
    "generate_summary": ("words", "merge_transcripts"),
}
"""By task: a field that takes a reference, and the task that hands the list on."""


class _Reference:
    """A reference to a list, and the object that it names."""

    def __init__(self, harness: Harness, task: str, meeting: Scenario, owner: Scenario) -> None:
        _, source = INPUTS[task]
        items = make_topics(3) if source == "detect_topics" else make_words(30)
        fields, name = harness.fleet.translator.output_of(source), LISTS[source]
        in_fleets_terms = fields.to_fleet({name: items})[fields.name_to_fleet(name)]
        self.content = json.dumps(in_fleets_terms).encode()
        self.key = (
            load_contracts()
            .tasks[source]
            .stored_key.format(
                transcript_id=owner.transcript_id, sha256=hashlib.sha256(self.content).hexdigest()
            )
        )
        reference = {"key": self.key, "count": len(items), "size": len(self.content)}
        value: Any = reference
        if task == "merge_transcripts":
            value = {"transcribe_track_0": {"words": reference, "track_index": 0}}
        topics = {"topics": make_topics(1)} if task == "generate_summary" else {}
        self.payload = {
            **topics,
            INPUTS[task][0]: value,
            "transcript_id": meeting.transcript_id,
        }


@pytest.mark.clause("pipeline.unreadable-lists")
@pytest.mark.parametrize("task", INPUTS)
def test_unreadable_lists_fail_the_task_at_once(task: str, harness: Harness) -> None:
    other = harness.meeting(seed=241)
    meeting = harness.meeting(seed=242)
    before = harness.task_runner.transcript(meeting.transcript_id)
    missing = _Reference(harness, task, meeting, meeting)
    altered = _Reference(harness, task, meeting, meeting)
    foreign = _Reference(harness, task, meeting, other)
    put_object(harness, TRANSCRIPT_BUCKET, foreign.key, foreign.content)
    [first] = harness.run_tasks(task, [missing.payload])
    put_object(harness, TRANSCRIPT_BUCKET, altered.key, altered.content.replace(b"1", b"2"))

    others = harness.run_tasks(task, [altered.payload, foreign.payload])

    for run, what in zip((first, *others), ("missing", "altered", "another's"), strict=True):
        expect(run.statuses, f"attempt statuses, {what} list").equals(
            ["FAILED_WITH_TERMINAL_ERROR"]
        )
        expect(run.requests_to("llm"), f"requests, {what} list").equals([])
    for run in (first, others[0]):
        expect(run.written | run.deleted, "objects written or deleted").equals(frozenset())
    if harness.fleet.exposes_rows:
        columns = ("words", "topics", "title", "long_summary", "short_summary")
        row = others[0].transcript
        expect({name: row.get(name) for name in columns}, "transcript row").equals(
            {name: before.get(name) for name in columns}
        )
