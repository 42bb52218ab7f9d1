"""Put task and workflow definitions on a server, and tell what that changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from trackproof.testbed.conductor.rest import ConductorRefusalError, ConductorRest

Definition = Mapping[str, Any]

SERVER_OWNED = frozenset({"createTime", "updateTime", "createdBy", "updatedBy"})

USER_MAPS = frozenset({"inputParameters", "outputParameters", "inputTemplate", "variables"})
"""Maps whose every key is the author's: nothing in them is a default of the server."""

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
"""What a server adds to a definition that leaves these fields out; falsy values aside."""


@dataclass(frozen=True)
class RegistrationReport:
    """Names of tasks, and `name/version` of the workflow, by what became of them."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"{len(self.created)} created, {len(self.updated)} updated, "
            f"{len(self.unchanged)} unchanged"
        )


def register(
    api_url: str, task_definitions: Sequence[Definition], workflow: Definition
) -> RegistrationReport:
    """Make the server hold these definitions; what it holds already is not sent again.

    A definition whose sending leaves the server as it was (it drops a field it does not know)
    counts as unchanged too.

    Raises:
        TestbedError: The server refused a definition; with the server's own message.
    """
    name, version = workflow["name"], workflow.get("version", 1)
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
        outcome[f"{name}/{version}"] = _put(
            f"workflow {name}/{version}",
            workflow,
            server.workflow_definition(name, version),
            create=server.put_workflow_definition,
            update=server.put_workflow_definition,
            read=partial(server.workflow_definition, name, version),
        )

    def names(kind: str) -> tuple[str, ...]:
        return tuple(name for name, became in outcome.items() if became == kind)

    return RegistrationReport(names("created"), names("updated"), names("unchanged"))


def _put(
    title: str,
    wanted: Definition,
    present: Definition | None,
    *,
    create: Callable[[Definition], None],
    update: Callable[[Definition], None],
    read: Callable[[], Definition | None],
) -> str:
    if present is not None and holds(present, wanted):
        return "unchanged"
    try:
        if present is None:
            create(wanted)
            return "created"
        update(wanted)
    except ConductorRefusalError as refusal:
        raise ConductorRefusalError(
            f"Conductor refused {title} with {refusal.status}",
            status=refusal.status,
            evidence=refusal.evidence,
            hint=_hint(refusal),
        ) from refusal
    after = read() or {}
    return "unchanged" if _authored(after) == _authored(present) else "updated"


def holds(present: Any, wanted: Any) -> bool:
    """Whether what the server has is what is wanted, its own additions aside."""
    if isinstance(wanted, Mapping) and isinstance(present, Mapping):
        return all(
            _field_holds(key, present.get(key), wanted.get(key))
            for key in {*present, *wanted} - SERVER_OWNED
        )
    if isinstance(wanted, list) and isinstance(present, list):
        return len(wanted) == len(present) and all(map(holds, present, wanted))
    return bool(present == wanted) or not (present or wanted)


def _field_holds(key: str, present: Any, wanted: Any) -> bool:
    if wanted is None:
        return not present or present in SERVER_DEFAULTS.get(key, ())
    if key == "decisionCases" and {*(present or {})} != {*wanted}:
        return False  # a case without tasks is a case all the same
    if key in USER_MAPS:
        return (present or {}) == (wanted or {})
    return holds(present, wanted)


def _authored(definition: Definition) -> dict[str, Any]:
    return {key: value for key, value in definition.items() if key not in SERVER_OWNED}


def _hint(refusal: ConductorRefusalError) -> str:
    if "ownerEmail" in refusal.evidence:
        return "give the definition an ownerEmail: this server wants one"
    return "correct the definition as the server says; nothing after it was sent"
