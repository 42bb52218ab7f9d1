"""The reference fleet in other terms: `python -m tests.fleets.renamed`.

The renames are written here a second time, by hand, so that the profile beside this file is tested
against a fleet that knows nothing about profiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from reference_workers import __main__ as fleet
from reference_workers import payloads, runner
from reference_workers.context import Clients, Context
from reference_workers.executor import Outcome, execute_task
from reference_workers.services import object_keys, stored_lists

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


def to_fleet(name: str, value: Json) -> tuple[str, Json]:
    """Translate a field into this fleet's terms."""
    if name in MILLISECONDS:
        return MILLISECONDS[name], round(value * 1000)
    if name in {"name", "task_type"}:
        return name, TASKS.get(value, value)
    return FIELDS.get(name, name), value


def from_fleet(name: str, value: Json) -> tuple[str, Json]:
    """Translate a field of this fleet into the contracts' terms."""
    for ours, theirs in MILLISECONDS.items():
        if name == theirs:
            return ours, value / 1000
    if name in {"name", "task_type"}:
        return name, OURS.get(value, value)
    return {theirs: ours for ours, theirs in FIELDS.items()}.get(name, name), value


def map_fields(translate: Callable[[str, Json], tuple[str, Json]], document: Json) -> Json:
    """Translate every field of a document, at any depth."""
    if isinstance(document, list):
        return [map_fields(translate, item) for item in document]
    if isinstance(document, Mapping):
        return dict(
            translate(name, map_fields(translate, value)) for name, value in document.items()
        )
    return document


class Renamed(runner.ContractWorker):
    """Polls by this fleet's names."""

    def __init__(self, task_type: str, clients: Clients, pace: runner.PollPace) -> None:
        super().__init__(task_type, clients, pace)
        self.task_definition_name = TASKS.get(task_type, task_type)


def execute(context: Context, task_type: str, payload: Mapping[str, Json]) -> Outcome:
    """Run a task in the contracts' terms and return its output in this fleet's."""
    ours = {theirs: step for step, theirs in STEPS.items()}
    context = replace(context, reference=ours.get(context.reference, context.reference))
    outcome = execute_task(context, OURS.get(task_type, task_type), map_fields(from_fleet, payload))
    return replace(outcome, output=map_fields(to_fleet, outcome.output))


def stored_form(items: list[Json]) -> bytes:
    """Return a list by reference in this fleet's terms."""
    return stored_lists.to_json(map_fields(to_fleet, items))


def decoded(key: str, content: bytes) -> list[Json]:
    """Return a list by reference in the contracts' terms."""
    items: list[Json] = map_fields(from_fleet, decode(key, content))
    return items


if __name__ == "__main__":
    runner.ContractWorker = Renamed  # type: ignore[misc]
    runner.execute_task = execute  # type: ignore[attr-defined]
    object_keys._MIXDOWN = "mixes/{transcript_id}.mp3"
    object_keys._PADDED = "padded/{transcript_id}/{track_index}.webm"
    object_keys._LISTS["words"] = "lists/{transcript_id}/words_{sha256}.json"
    decode = stored_lists._decoded
    stored_lists._decoded = decoded
    payloads.to_json = stored_form  # type: ignore[attr-defined]
    fleet.main()
