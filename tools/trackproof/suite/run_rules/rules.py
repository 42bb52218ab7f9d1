"""Which rules a run breaks.

Each test looks at what it is about; these rules look at all of a run's evidence, with the data of
every test. They follow from the contracts' `effects` ("no more and no fewer") and from the one
result that output, row, objects, requests and events repeat.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from trackproof.contracts.load import load_contracts
from trackproof.contracts.validate import ContractViolationError, check
from trackproof.runs.stored_lists import has_references
from trackproof.runs.task_run import TaskRun
from trackproof.suite.run_rules import audio_tasks, deliveries, text_tasks
from trackproof.suite.run_rules.comparison import Agreement
from trackproof.suite.run_rules.effects import (
    broken_columns,
    broken_events,
    broken_objects,
    broken_requests,
)
from trackproof.suite.run_rules.visibility import Visibility

AGREEMENTS: Mapping[str, Agreement] = MappingProxyType(
    {
        "get_recording": audio_tasks.get_recording,
        "get_participants": audio_tasks.get_participants,
        "generate_dynamic_fork_tasks": audio_tasks.generate_dynamic_fork_tasks,
        "pad_track": audio_tasks.pad_track,
        "mixdown_tracks": audio_tasks.mixdown_tracks,
        "generate_waveform": audio_tasks.generate_waveform,
        "transcribe_track": text_tasks.transcribe_track,
        "merge_transcripts": text_tasks.merge_transcripts,
        "detect_topics": text_tasks.detect_topics,
        "generate_title": text_tasks.generate_title,
        "generate_summary": text_tasks.generate_summary,
        "finalize": deliveries.finalize,
        "cleanup_consent": deliveries.cleanup_consent,
        "post_zulip": deliveries.post_zulip,
        "send_webhook": deliveries.send_webhook,
    }
)
"""What a completed run's evidence must say of its one result, by task."""


def broken_rules(run: TaskRun, visible: Visibility) -> list[str]:
    """Return one line for each rule that a run breaks."""
    if not run.attempts or run.task not in load_contracts().tasks:
        return []
    return list(dict.fromkeys(_lines(run, visible)))


def _lines(run: TaskRun, visible: Visibility) -> Iterator[str]:
    if run.status == "COMPLETED":
        try:
            check(run.task, "output", run.output)
        except ContractViolationError as error:
            yield str(error)
            return
    yield from _reasons(run)
    if visible.requests:
        yield from broken_requests(run)
    alone = run.concurrent == 1
    if alone and visible.requests:
        yield from broken_objects(run)
    if alone and visible.rows:
        yield from broken_columns(run)
    if alone and visible.events:
        yield from broken_events(run)
    if run.status == "COMPLETED" and not has_references(run.sent):
        own = alone and run.observes_its_transcript
        see = Visibility(visible.rows and own, visible.events and own, visible.requests and alone)
        yield from AGREEMENTS[run.task](run, see)


def _reasons(run: TaskRun) -> Iterator[str]:
    """Every attempt that a worker failed has a reason."""
    for attempt in run.attempts:
        failed = attempt.status in {"FAILED", "FAILED_WITH_TERMINAL_ERROR"}
        if failed and not attempt.reason.strip():
            yield f"attempt {attempt.retry} is {attempt.status} without a reason"
