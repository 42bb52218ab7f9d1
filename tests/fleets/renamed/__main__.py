"""The reference fleet in words of its own: `python -m tests.fleets.renamed`.

What it says differently is written down here a second time, by hand: the profile beside it is held
against a fleet that knows nothing of profiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from reference_workers import __main__ as fleet
from reference_workers import runner
from reference_workers.context import Clients, Context
from reference_workers.executor import Outcome, execute_task
from reference_workers.services import object_keys

Json = Any

TASKS = {
    "generate_dynamic_fork_tasks": "BranchPlanner",
    "pad_track": "PadTrack",
    "transcribe_track": "Transcriber",
    "merge_transcripts": "WordMerger",
}
STEPS = {"merge_transcripts": "merge_words"}
FIELDS = {"word": "text", "all_words": "spoken", "padded_tracks": "padded"}
MILLISECONDS = {"start": "from_ms", "end": "to_ms"}

OURS = {theirs: ours for ours, theirs in TASKS.items()}


def said(name: str, value: Json) -> tuple[str, Json]:
    """Say a field as this fleet does."""
    if name in MILLISECONDS:
        return MILLISECONDS[name], round(value * 1000)
    if name in {"name", "task_type"}:
        return name, TASKS.get(value, value)
    return FIELDS.get(name, name), value


def meant(name: str, value: Json) -> tuple[str, Json]:
    """Take a field as this fleet says it."""
    for ours, theirs in MILLISECONDS.items():
        if name == theirs:
            return ours, value / 1000
    if name in {"name", "task_type"}:
        return name, OURS.get(value, value)
    return {theirs: ours for ours, theirs in FIELDS.items()}.get(name, name), value


def everywhere(turn: Callable[[str, Json], tuple[str, Json]], document: Json) -> Json:
    """Turn every field of a document, at whatever depth."""
    if isinstance(document, list):
        return [everywhere(turn, one) for one in document]
    if isinstance(document, Mapping):
        return dict(turn(name, everywhere(turn, value)) for name, value in document.items())
    return document


class Renamed(runner.ContractWorker):
    """Polls by this fleet's own names."""

    def __init__(self, task_type: str, clients: Clients, pace: runner.PollPace) -> None:
        super().__init__(task_type, clients, pace)
        self.task_definition_name = TASKS.get(task_type, task_type)


def performed(context: Context, task_type: str, payload: Mapping[str, Json]) -> Outcome:
    """Carry a task out in the contracts' terms, and answer in this fleet's."""
    ours = {theirs: step for step, theirs in STEPS.items()}
    context = replace(context, reference=ours.get(context.reference, context.reference))
    outcome = execute_task(context, OURS.get(task_type, task_type), everywhere(meant, payload))
    return replace(outcome, output=everywhere(said, outcome.output))


if __name__ == "__main__":
    runner.ContractWorker = Renamed  # type: ignore[misc]
    runner.execute_task = performed  # type: ignore[attr-defined]
    object_keys._MIXDOWN = "mixes/{transcript_id}.mp3"
    object_keys._PADDED = "padded/{transcript_id}/{track_index}.webm"
    fleet.main()
