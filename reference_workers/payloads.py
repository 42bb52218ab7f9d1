"""Payloads of tasks: workers take and return lists, Conductor gets references to large ones.

Conductor hands on nothing beyond its limits for payloads, and a run's whole document is read often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reference_workers.context import Context
from reference_workers.errors import PermanentError
from reference_workers.services.object_keys import ListKind
from reference_workers.services.stored_lists import read_list, store_list, to_json
from trackproof.contracts.load import load_contracts
from trackproof.contracts.validate import ContractViolationError, check

MAX_TRACKS = int(load_contracts().workflow_input["properties"]["tracks"]["maxItems"])
_SIZES = load_contracts().pipeline_constants
LIST_BYTES = _SIZES["list_bytes"]
BRANCH_BYTES = _SIZES["branch_bytes"]

_TAKEN: dict[str, dict[str, ListKind]] = {
    "merge_transcripts": {"words": "track_words"},  # of each branch in `transcripts`
    "detect_topics": {"words": "words"},
    "generate_title": {"topics": "topics"},
    "generate_summary": {"words": "words", "topics": "topics"},
}
"""The kinds of the lists in a task's input, by field."""

_RETURNED: dict[str, tuple[str, ListKind]] = {
    "transcribe_track": ("words", "track_words"),
    "merge_transcripts": ("all_words", "words"),
    "detect_topics": ("topics", "topics"),
}
"""The field of a task's output that is a list, and the list's kind."""


def read_lists(context: Context, task_type: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task's arguments with the lists that references stand for.

    Raises:
        OutageError: S3 gives no answer.
        PermanentError: A list is missing, altered or invalid.
    """
    kinds = _TAKEN.get(task_type, {})
    storage, transcript_id = context.clients.storage, str(arguments.get("transcript_id"))

    def read(part: Mapping[str, Any]) -> dict[str, Any]:
        references = [name for name in kinds if isinstance(part.get(name), Mapping)]
        lists = {
            name: read_list(storage, kinds[name], transcript_id, part[name]) for name in references
        }
        return {**part, **lists}

    given = read(arguments)
    if branches := arguments.get("transcripts"):
        given["transcripts"] = _each_branch(branches, read)
    if given == arguments:
        return given
    try:
        check(task_type, "input", given)
    except ContractViolationError as error:
        raise PermanentError(str(error)) from error
    return given


def _each_branch(branches: Any, read: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Any:
    """Apply `read` to each branch of a JOIN's map, or of a list."""
    if isinstance(branches, Mapping):
        return {name: read(branch) for name, branch in branches.items()}
    return [read(branch) for branch in branches]


def store_large_list(
    context: Context, task_type: str, transcript_id: str | None, output: dict[str, Any]
) -> dict[str, Any]:
    """Return a worker's output with a reference in the place of a large list.

    Raises:
        OutageError: S3 or the database gives no answer.
        PermanentError: S3 refuses.
    """
    if task_type not in _RETURNED or transcript_id is None:
        return output
    name, kind = _RETURNED[task_type]
    items = output[name]
    content = to_json(items)
    if len(content) <= _least_limit(kind):
        return output
    limit = _limit(context, kind, transcript_id)
    if limit is None or len(content) <= limit:
        return output
    reference = store_list(context.clients.storage, kind, transcript_id, items, content)
    return {**output, name: reference}


def _least_limit(kind: ListKind) -> int:
    return BRANCH_BYTES // MAX_TRACKS if kind == "track_words" else LIST_BYTES


def _limit(context: Context, kind: ListKind, transcript_id: str) -> int | None:
    """Return the most bytes of a list in an output; None if nothing may be stored."""
    if kind != "track_words":
        return LIST_BYTES
    tracks = context.clients.state.track_count(transcript_id)
    if tracks is None:  # there is no such transcript
        return None
    return min(LIST_BYTES, BRANCH_BYTES // min(tracks or MAX_TRACKS, MAX_TRACKS))
