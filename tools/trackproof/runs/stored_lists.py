"""Lists that a fleet hands on by reference, read from S3.

A reference is `{key, count, size}` in the place of a list; contracts/pipeline.yaml has the rules.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from trackproof.fleet.translation.translator import Translator
from trackproof.lab import TRANSCRIPT_BUCKET
from trackproof.testbed.s3.object_store import ObjectStore

LISTS: Final = {
    "transcribe_track": "words",
    "merge_transcripts": "all_words",
    "detect_topics": "topics",
}
"""The field of a task's output that may be a reference."""

TEMPORARY: Final = "transcribe_track"
"""The task whose lists no meeting leaves."""

OUTPUTS: Final = {field: task for task, field in LISTS.items() if task != TEMPORARY}
"""The tasks whose lists are in the workflow's output and stay, by field."""


class ListReader:
    """Reads the lists of one fleet."""

    def __init__(self, s3: ObjectStore, translator: Translator) -> None:
        """Use the testbed's S3 in the contracts' keys, and the fleet's terms."""
        self._s3 = s3
        self._translator = translator

    def output_of(self, task: str, output: Mapping[str, Any]) -> dict[str, Any]:
        """Return a task's output with its list instead of a reference.

        A reference that cannot be read stays, for a clause to judge.
        """
        field = LISTS.get(task)
        items = self._read(task, output.get(field)) if field else None
        return {**output, field: items} if field and items is not None else dict(output)

    def of_workflow(self, output: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Return the lists that references in the workflow's output stand for, by field."""
        read = {field: self._read(task, output.get(field)) for field, task in OUTPUTS.items()}
        return {field: items for field, items in read.items() if items is not None}

    def _read(self, task: str, reference: Any) -> list[Any] | None:
        if not is_reference(reference):
            return None
        try:
            content = self._s3.read_version(TRANSCRIPT_BUCKET, reference["key"])
            items = json.loads(content)
        except (KeyError, ValueError):
            return None
        intact = (
            isinstance(items, list)
            and hashlib.sha256(content).hexdigest() in reference["key"]
            and (len(items), len(content)) == (reference.get("count"), reference.get("size"))
        )
        return self._from_fleet(task, items) if intact else None

    def _from_fleet(self, task: str, items: list[Any]) -> list[Any]:
        fields, name = self._translator.output_of(task), LISTS[task]
        translated: list[Any] = fields.from_fleet({fields.name_to_fleet(name): items})[name]
        return translated


def is_reference(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Return whether a value in the place of a list is a reference."""
    return isinstance(value, Mapping) and isinstance(value.get("key"), str)


def has_references(payload: Mapping[str, Any]) -> bool:
    """Return whether a task's input has a reference in the place of a list."""
    branches = payload.get("transcripts")
    parts = branches.values() if isinstance(branches, Mapping) else branches or ()
    values = (
        *payload.values(),
        *(part.get("words") for part in parts if isinstance(part, Mapping)),
    )
    return any(map(is_reference, values))


def list_keys(workflow: Mapping[str, Any], *tasks: str) -> frozenset[str]:
    """Return the keys of the lists by reference in the outputs of some task types of a run."""
    values = [
        (task.get("outputData") or {}).get(LISTS[task["taskDefName"]])
        for task in workflow.get("tasks") or ()
        if task.get("taskDefName") in tasks
    ]
    return frozenset(value["key"] for value in values if is_reference(value))
