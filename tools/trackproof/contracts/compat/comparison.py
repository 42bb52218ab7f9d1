"""Comparison of two contracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trackproof.contracts.compat.changes import (
    DESCRIPTIVE_REASON,
    VERDICTS,
    Change,
    descriptive,
    differences,
    format_optional,
    join_pointer,
    prefix_change,
    unclassified,
)
from trackproof.contracts.compat.release_document import Release
from trackproof.contracts.compat.schema_nodes import root_node
from trackproof.contracts.compat.schemas import schema_changes
from trackproof.contracts.compat.services import service_changes
from trackproof.contracts.compat.tasks import clause_changes, task_changes
from trackproof.contracts.compat.workflow import workflow_changes
from trackproof.contracts.load import DIALECT

Data = Mapping[str, Any]


def compare(old: Release, new: Release) -> list[Change]:
    """Return all differences between two contracts except the version, most severe first."""
    changes = dict.fromkeys(
        (*_changes(_without_dialect(old), _without_dialect(new)), *_dialect_change(old, new))
    )
    return sorted(changes, key=lambda change: (VERDICTS.index(change.verdict), change.pointer))


def _dialect_change(old: Release, new: Release) -> Iterator[Change]:
    """Yield one change for all schemas that have gained or lost their `$schema` line."""
    if pointers := sorted(_other_dialects(old, new, "")):
        what = f"the $schema line of {len(pointers)} schemas was added or removed"
        yield Change(pointers[0], what, "compatible", DESCRIPTIVE_REASON)


def _other_dialects(old: Any, new: Any, pointer: str) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        if (old.get("$schema") == DIALECT) != (new.get("$schema") == DIALECT):
            yield join_pointer(pointer, "$schema")
        for key in old.keys() & new.keys():
            yield from _other_dialects(old[key], new[key], join_pointer(pointer, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            yield from _other_dialects(before, after, join_pointer(pointer, index))


def _without_dialect(part: Any) -> Any:
    """Leave out the `$schema` lines of the one dialect: releases before 1.2.0 have none."""
    match part:
        case Mapping():
            return {
                key: _without_dialect(value)
                for key, value in part.items()
                if (key, value) != ("$schema", DIALECT)
            }
        case list():
            return [_without_dialect(item) for item in part]
        case _:
            return part


def _changes(old: Release, new: Release) -> Iterator[Change]:
    for section, before, after, pointer in differences(old, new, ""):
        if section == "version":
            continue
        if section in ("tasks", "events", "services"):
            yield from _named(section, before or {}, after or {}, pointer)
        elif section == "pipeline_clauses":
            yield from clause_changes(before or {}, after or {}, pointer)
        elif section == "pipeline_constants":
            yield _pipeline_constants(after, pointer)
        elif section == "parts":
            yield from _parts(before or {}, after or {}, pointer)
        elif section == "workflow" and before and after:
            yield from workflow_changes(before, after, pointer)
        elif section == "workflow_input" and before and after:
            yield from schema_changes(
                root_node(before, pointer), root_node(after, pointer), "to fleets"
            )
        elif section == "meeting_rows" and after:
            yield from _meeting_rows(before, after, pointer)
        elif section == "notes":
            yield descriptive(pointer, before, after)
        elif section == "fork_inputs" and before and after:
            yield from _fork_inputs(before, after, pointer)
        else:
            yield unclassified(pointer, before, after)


def _named(section: str, old: Data, new: Data, pointer: str) -> Iterator[Change]:
    """Compare named items: tasks, events or outside services."""
    noun = section.removesuffix("s")
    for name, before, after, here in differences(old, new, pointer):
        if name not in new:
            reason = "Consumers that use it fail."
            yield Change(here, f"the {noun} {name} was removed", "breaking", reason, name)
        elif name not in old:
            reason = "Fleets must implement it; consumers that do not know it ignore it."
            yield Change(here, f"the {noun} {name} was added", "consumers only", reason, name)
        else:
            changes = list(_item(section, before, after, here))
            # Report items that differ even if no part comparison reports a change.
            changes = changes or [unclassified(here, before, after)]
            yield from (prefix_change(change, name) for change in changes)


def _item(section: str, old: Data, new: Data, pointer: str) -> Iterator[Change]:
    match section:
        case "tasks":
            yield from task_changes(old, new, pointer)
        case "events":
            yield from schema_changes(
                root_node(old, pointer), root_node(new, pointer), "from fleets"
            )
        case _:
            yield from service_changes(old, new, pointer)


def _parts(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    """Compare the parts of the product around the fleet."""
    for name, before, after, here in differences(old, new, pointer):
        for key, was, becomes, place in differences(before or {}, after or {}, here):
            if key == "clauses":
                yield from clause_changes(was or {}, becomes or {}, place)
            elif key == "constants":
                reason = "Products must satisfy its clauses with these values."
                what = f"the constants of {name} changed"
                yield Change(place, what, "consumers only", reason, format_optional(becomes))
            else:
                yield descriptive(place, was, becomes)


def _pipeline_constants(new: Data | None, pointer: str) -> Change:
    reason = "Fleets must satisfy the clauses with these values."
    what = "the constants of the pipeline changed"
    return Change(pointer, what, "consumers only", reason, format_optional(new))


def _meeting_rows(old: Data | None, new: Data, pointer: str) -> Iterator[Change]:
    if old is None:
        reason = "Fleets must be able to store them; consumers seed what they seeded before."
        yield Change(pointer, "the rows were specified", "consumers only", reason, "a room")
    else:
        yield from schema_changes(root_node(old, pointer), root_node(new, pointer), "to fleets")


def _fork_inputs(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    for _, before, after, here in differences(old, new, pointer):
        what = f"{format_optional(before)} became {format_optional(after)}"
        reason = "The fork helper must generate the branch inputs in the new way."
        example = "a branch input generated in the old way"
        yield Change(here, what, "consumers only", reason, example)
