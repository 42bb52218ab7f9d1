"""Register task and workflow definitions on a server and report the changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from trackproof.testbed.conductor.rest import ConductorRefusalError, ConductorRest

Definition = Mapping[str, Any]

SERVER_OWNED = frozenset({"createTime", "updateTime", "createdBy", "updatedBy"})

USER_MAPS = frozenset({"inputParameters", "outputParameters", "inputTemplate", "variables"})
"""Maps to which the server adds no defaults."""

SERVER_DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "type": ("SIMPLE",),
    "version": (1,),
    "schemaVersion": (2,),
    "restartable": (True,),
    "timeoutPolicy": ("TIME_OUT_WF", "ALERT_ONLY"),
    "timeoutSeconds": (3600,),
    "responseTimeoutSeconds": (600, 3600),
    "retryCount": (3,),
    "retryDelaySeconds": (60,),
    "retryLogic": ("FIXED",),
    "backoffScaleFactor": (1,),
    "rateLimitFrequencyInSeconds": (1,),
    "enforceSchema": (True,),
    "taskStatusListenerEnabled": (True,),
}
"""Values that servers add for absent fields, besides falsy ones."""


@dataclass(frozen=True)
class RegistrationReport:
    """Names of tasks, and `name/version` of the workflow, by outcome."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"{len(self.created)} created, {len(self.updated)} updated, "
            f"{len(self.unchanged)} unchanged"
        )


def register(
    api_url: str, task_definitions: Sequence[Definition], workflow: Definition | None
) -> RegistrationReport:
    """Create or update definitions on the server; equal ones are not sent.

    A definition counts as unchanged too if sending it changes nothing, because the server drops
    an unknown field.

    Raises:
        TestbedError: The server refused a definition; the evidence is the server's message.
    """
    outcome: dict[str, str] = {}
    with ConductorRest(api_url) as server:
        before = {task["name"]: task for task in server.task_definitions()}
        for task in task_definitions:
            outcome[task["name"]] = _put(
                f"task {task['name']}",
                task,
                before.get(task["name"]),
                create=server.create_task_definition,
                update=server.update_task_definition,
                read=partial(server.task_definition, task["name"]),
            )
        if workflow is not None:
            name, version = workflow["name"], workflow.get("version", 1)
            outcome[f"{name}/{version}"] = _put(
                f"workflow {name}/{version}",
                workflow,
                server.workflow_definition(name, version),
                create=server.put_workflow_definition,
                update=server.put_workflow_definition,
                read=partial(server.workflow_definition, name, version),
            )

    def names_with(kind: str) -> tuple[str, ...]:
        return tuple(name for name, result in outcome.items() if result == kind)

    return RegistrationReport(names_with("created"), names_with("updated"), names_with("unchanged"))


def _put(
    title: str,
    expected: Definition,
    registered: Definition | None,
    *,
    create: Callable[[Definition], None],
    update: Callable[[Definition], None],
    read: Callable[[], Definition | None],
) -> str:
    if registered is not None and is_registered(registered, expected):
        return "unchanged"
    try:
        if registered is None:
            create(expected)
            return "created"
        update(expected)
    except ConductorRefusalError as refusal:
        raise ConductorRefusalError(
            f"Conductor refused {title} with {refusal.status}",
            status=refusal.status,
            evidence=refusal.evidence,
            hint=_hint(refusal),
        ) from refusal
    after = read() or {}
    return "unchanged" if _authored(after) == _authored(registered) else "updated"


def is_registered(registered: Any, expected: Any) -> bool:
    """Return whether the server's definition equals the expected one, apart from its defaults."""
    if isinstance(expected, Mapping) and isinstance(registered, Mapping):
        return all(
            _is_field_registered(key, registered.get(key), expected.get(key))
            for key in {*registered, *expected} - SERVER_OWNED
        )
    if isinstance(expected, list) and isinstance(registered, list):
        return len(expected) == len(registered) and all(map(is_registered, registered, expected))
    return bool(registered == expected) or not (registered or expected)


def _is_field_registered(key: str, registered: Any, expected: Any) -> bool:
    if expected is None:
        return not registered or registered in SERVER_DEFAULTS.get(key, ())
    if key == "decisionCases" and {*(registered or {})} != {*expected}:
        return False  # a case without tasks still counts
    if key in USER_MAPS:
        return (registered or {}) == (expected or {})
    return is_registered(registered, expected)


def _authored(definition: Definition) -> dict[str, Any]:
    return {key: value for key, value in definition.items() if key not in SERVER_OWNED}


def _hint(refusal: ConductorRefusalError) -> str:
    if "ownerEmail" in refusal.evidence:
        return "give the definition an ownerEmail, which this server requires"
    return "correct the definition as the server says; later definitions were not sent"
