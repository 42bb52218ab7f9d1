"""Two contracts compared: every difference, and whom it breaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.compat.changes import VERDICTS, Change, at, replaced, same, within
from contracts.compat.frozen import Release
from contracts.compat.schemas import root_node, schema_changes
from contracts.compat.services import service_changes
from contracts.compat.tasks import clause_changes, task_changes
from contracts.compat.workflow import workflow_changes

Data = Mapping[str, Any]


def compare(old: Release, new: Release) -> list[Change]:
    """Return every difference between two contracts, the gravest first; versions are labels."""
    found = dict.fromkeys(_changes(old, new))
    return sorted(found, key=lambda change: (VERDICTS.index(change.verdict), change.pointer))


def _changes(old: Release, new: Release) -> Iterator[Change]:
    for section in sorted((old.keys() | new.keys()) - {"version"}):
        before, after, place = old.get(section), new.get(section), at("", section)
        if same(before, after):
            continue
        if section in ("tasks", "events", "services"):
            yield from _named(section, before or {}, after or {}, place)
        elif section == "pipeline_clauses":
            yield from clause_changes(before or {}, after or {}, place)
        elif section == "workflow" and before and after:
            yield from workflow_changes(before, after, place)
        elif section == "workflow_input" and before and after:
            yield from schema_changes(
                root_node(before, place), root_node(after, place), "to fleets"
            )
        elif section == "fork_inputs" and before and after:
            yield from _fork_inputs(before, after, place)
        else:
            yield replaced(place, before, after)


def _named(section: str, old: Data, new: Data, place: str) -> Iterator[Change]:
    """Compare what goes by name: tasks, events, outside services."""
    noun = section.removesuffix("s")
    for name in sorted(old.keys() | new.keys()):
        here = at(place, name)
        if name not in new:
            reason = "Consumers that rely on it find nobody there."
            yield Change(here, f"the {noun} {name} was removed", "breaking", reason, name)
        elif name not in old:
            reason = "Fleets have to serve it; who does not know it ignores it."
            yield Change(here, f"the {noun} {name} was added", "consumers only", reason, name)
        elif not same(old[name], new[name]):
            found = list(_item(section, old[name], new[name], here))
            # Nothing that differs is passed over in silence.
            found = found or [replaced(here, old[name], new[name])]
            yield from (within(change, name) for change in found)


def _item(section: str, old: Data, new: Data, place: str) -> Iterator[Change]:
    match section:
        case "tasks":
            yield from task_changes(old, new, place)
        case "events":
            yield from schema_changes(root_node(old, place), root_node(new, place), "from fleets")
        case _:
            yield from service_changes(old, new, place)


def _fork_inputs(old: Data, new: Data, place: str) -> Iterator[Change]:
    for key in sorted(old.keys() | new.keys()):
        if not same(old.get(key), new.get(key)):
            change = replaced(at(place, key), old.get(key), new.get(key))
            reason = "The helper of the forks has to write the branches' inputs in this way."
            example = "a branch written in the old way"
            yield Change(change.pointer, change.what, "consumers only", reason, example)
