"""The contracts' definitions as they are registered for a fleet: in its terms, with its overlay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackproof.contracts.load import load_contracts
from trackproof.fleet.profile import FleetProfile
from trackproof.fleet.translation.translator import Document, Translator
from trackproof.testbed.conductor.schema_enforcement import without_enforcement


def merge_patch(document: Mapping[str, Any], patch: Mapping[str, Any]) -> Document:
    """Apply an RFC 7396 merge patch; TOML has no null, so nothing is removed."""
    merged = dict(document)
    for key, value in patch.items():
        below = merged.get(key)
        if isinstance(value, Mapping):
            merged[key] = merge_patch(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


def definitions(profile: FleetProfile) -> tuple[list[Document], Document]:
    """Return the contracts' task definitions and workflow in a fleet's terms, with its overlay.

    The task definitions are those that the fleet serves. The server enforces none of their
    schemas, so that every invalid input reaches the fleet, which is judged.
    """
    contracts, translator, overlay = load_contracts(), Translator(profile), profile.overlay
    tasks = [
        without_enforcement(
            merge_patch(
                translator.task_definition_to_fleet(task), overlay.tasks.get(task["name"], {})
            )
        )
        for task in contracts.task_definitions()
        if not profile.serves or task["name"] in profile.serves
    ]
    workflow = _patch_steps(contracts.workflow, overlay.steps)
    return tasks, merge_patch(translator.workflow_to_fleet(workflow), overlay.workflow)


def _patch_steps(part: Any, patches: Mapping[str, Mapping[str, Any]]) -> Any:
    match part:
        case Mapping():
            patched = {key: _patch_steps(value, patches) for key, value in part.items()}
            return merge_patch(patched, patches.get(str(part.get("taskReferenceName")), {}))
        case list():
            return [_patch_steps(value, patches) for value in part]
        case _:
            return part
