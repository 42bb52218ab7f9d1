"""Judge one meeting of a rehearsal from outside: its row, the ledger and the runs at Conductor."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trackproof.checks.word_matching import TimedWord, match
from trackproof.errors import UsageError
from trackproof.fleet.profile import Position
from trackproof.lab import TRANSCRIPT_BUCKET
from trackproof.runs.product import Product, RecordingRow
from trackproof.runs.scenario import Scenario
from trackproof.verify.rehearsal.results import MeetingResult
from trackproof.verify.shadow_comparison import compare_shadow_run

LEGACY = "legacy"
"""The legacy pipeline among a meeting's pipelines; all others are ids of workflows."""

COMPLETE = ("title", "short_summary", "long_summary", "topics", "words", "duration")
"""Columns that a complete transcript has."""


@dataclass(slots=True)
class Meeting:
    """A meeting on its way through a stage."""

    scenario: Scenario
    stage: Position
    announced_at: float = 0.0
    """Monotonic seconds."""
    ended_at: float | None = None
    refused: str = ""
    """The answer to its webhooks, if none was a success."""

    @property
    def seconds(self) -> float | None:
        """Seconds from the webhook to the end of its transcript."""
        return None if self.ended_at is None else round(self.ended_at - self.announced_at, 3)


def switch_faults(stage: Position, meetings: Sequence[MeetingResult]) -> Iterator[str]:
    """Yield how ended meetings show that the switch was not obeyed."""
    if stage == "fallback" and not any(LEGACY in one.pipelines for one in meetings):
        yield "no meeting of the outage went to the legacy pipeline"
    for meeting in meetings:
        if meeting.lost:
            continue
        has_run = any(one != LEGACY for one in meeting.pipelines)
        has_legacy = LEGACY in meeting.pipelines
        if stage == "legacy" and has_run:
            yield f"{meeting.recording_id}: a workflow was started with the switch at legacy"
        if stage in {"shadow", "conductor"} and not has_run:
            yield f"{meeting.recording_id}: no workflow was seen at Conductor"
        if stage == "shadow" and not has_legacy:
            yield f"{meeting.recording_id}: the legacy pipeline was not started"
        if stage == "conductor" and has_legacy:
            yield f"{meeting.recording_id}: the legacy pipeline was started"


def judge_meeting(
    product: Product,
    meeting: Meeting,
    runs: Sequence[Mapping[str, Any]],
    similarity: float | None,
) -> MeetingResult:
    """Return what became of a meeting.

    Args:
        product: The product.
        meeting: The meeting.
        runs: The runs that were started for its recording, in the contracts' terms.
        similarity: As in `trackproof.runs.comparison.compare`.
    """
    row = product.recording(meeting.scenario.recording_id)
    transcript = product.fleet.transcript(row.transcript_id) if row.transcript_id else {}
    lost = _lost(product, meeting, transcript)
    return MeetingResult(
        recording_id=meeting.scenario.recording_id,
        transcript_id=row.transcript_id,
        pipelines=(
            *((LEGACY,) if row.legacy_task_id else ()),
            *(str(run["workflowId"]) for run in runs),
        ),
        seconds=meeting.seconds,
        lost=lost,
        doubled=_doubled(product, meeting.scenario, row, runs),
        mismatched="" if lost else _mismatched(product, meeting, transcript, similarity),
    )


def _lost(product: Product, meeting: Meeting, transcript: Mapping[str, Any]) -> str:
    refused = f"; its webhook was refused: {meeting.refused}" if meeting.refused else ""
    if not transcript:
        return f"no transcript is stored{refused}"
    if transcript.get("status") != "ended":
        return f"the transcript's status is {transcript.get('status')!r}{refused}"
    if meeting.ended_at is None:  # a later stage may have picked it up
        return f"the transcript did not end in its stage{refused}"
    if missing := [name for name in COMPLETE if not transcript.get(name)]:
        return f"the transcript ended without {', '.join(missing)}"
    undelivered = [
        name for name, count in _deliveries(product, meeting.scenario).items() if not count
    ]
    return f"not delivered: {', '.join(undelivered)}" if undelivered else ""


def _doubled(
    product: Product,
    scenario: Scenario,
    row: RecordingRow,
    runs: Sequence[Mapping[str, Any]],
) -> str:
    found = [
        f"{count} deliveries to {name}"
        for name, count in _deliveries(product, scenario).items()
        if count > 1
    ]
    completed = [
        run["workflowId"]
        for run in runs
        if run["status"] == "COMPLETED"
        and (run.get("input") or {}).get("transcript_id") == row.transcript_id
    ]
    if len(completed) + bool(row.legacy_task_id) > 1:
        others = ["the legacy pipeline"] if row.legacy_task_id else []
        found.append(f"ended pipelines that count: {', '.join([*others, *completed])}")
    return "; ".join(found)


def _deliveries(product: Product, scenario: Scenario) -> dict[str, int]:
    count = {
        "webhook": len(product.webhooks(scenario)),
        "zulip": len(product.messages(scenario)),
    }
    return {name: count[name] for name in product.terms.deliveries}


def has_deliveries(product: Product, scenario: Scenario) -> bool:
    """Return whether a meeting has everything delivered that an ended one delivers."""
    return all(_deliveries(product, scenario).values())


def _mismatched(
    product: Product, meeting: Meeting, transcript: Mapping[str, Any], similarity: float | None
) -> str:
    found = _difference_to_truth(product, meeting.scenario, transcript)
    if not found and meeting.stage == "shadow":
        found = _difference_to_shadow(product, meeting.scenario, similarity)
    return found


def _difference_to_truth(
    product: Product, scenario: Scenario, transcript: Mapping[str, Any]
) -> str:
    try:
        words = [
            TimedWord((word["speaker"], word["word"]), float(word["start"]))
            for word in transcript["words"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        return f"the words cannot be read: {type(error).__name__}: {error}"
    spoken = (TimedWord((one.track_index, one.text), one.start) for one in scenario.meeting.truth())
    tolerance = product.fleet.profile.time_tolerance_ms / 1000
    found = match(spoken, words, tolerance=tolerance)
    return "" if found.complete else found.describe()


def _mixdown(product: Product, transcript_id: str) -> io.BytesIO | None:
    """Return a transcript's mixdown; denied consent may have deleted it since."""
    try:
        content = product.testbed.s3.read_version(TRANSCRIPT_BUCKET, f"{transcript_id}/audio.mp3")
    except KeyError:
        return None
    return io.BytesIO(content)


def _difference_to_shadow(product: Product, scenario: Scenario, similarity: float | None) -> str:
    try:
        comparison = compare_shadow_run(
            product.fleet.profile,
            scenario.recording_id,
            product.fleet.database_url,
            audio=lambda transcript_id: _mixdown(product, transcript_id),
            similarity=similarity,
        )
    except UsageError as error:
        return error.what
    return ", ".join(one.field for one in comparison.differences)
