"""Schema enforcement: whether a server itself refuses inputs that violate a task's inputSchema.

Servers from 3.21 on store `inputSchema`, `outputSchema` and `enforceSchema`; none up to 3.32.3
acts on them. Later ones refuse an invalid input before a worker sees it. A suite that judges
workers must therefore register its definitions with `enforceSchema` false.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from trackproof.contracts.load import DIALECT
from trackproof.errors import DeadlineError, TestbedError
from trackproof.testbed.conductor.rest import ENDED, ConductorRefusalError, ConductorRest
from trackproof.wait import wait_until

SCHEMA_FIELDS: Final = ("inputSchema", "outputSchema")
PROBE_SECONDS: Final = 5.0
"""How long a polled task may take to be in its queue."""

OWNER: Final = "trackproof@example.com"


def enforces_schemas(api_url: str) -> bool:
    """Start a run with an invalid input and return whether the server kept it from its worker.

    A task definition of its own is registered and deleted again.

    Raises:
        TestbedError: The server does not answer, or hands the task to nobody.
    """
    task = f"trackproof_schema_{uuid.uuid4().hex[:12]}"
    with ConductorRest(api_url) as server:
        server.create_task_definition(_definition(task))
        try:
            return _is_refused(server, task)
        finally:
            server.delete_task_definition(task)


def _is_refused(server: ConductorRest, task: str) -> bool:
    try:
        workflow_id = server.start_inline_workflow(_workflow(task), {"text": 1})
    except ConductorRefusalError as refusal:
        if refusal.status < 500:
            return True
        raise

    def outcome() -> str:
        if server.poll(task, worker="trackproof") is not None:
            return "polled"
        return "refused" if server.workflow(workflow_id)["status"] in ENDED else ""

    try:
        return wait_until(outcome, what="the probe's task", timeout=PROBE_SECONDS) == "refused"
    except DeadlineError as error:
        raise TestbedError(
            "the server neither refuses the probe's input nor hands out its task",
            hint="read the server's log",
        ) from error
    finally:
        with suppress(TestbedError):  # it may have ended
            server.terminate(workflow_id, "the probe has ended")


def _definition(task: str) -> dict[str, Any]:
    schema = {
        "$schema": DIALECT,
        "type": "object",
        "required": ["text"],
        "properties": {"text": {"type": "string"}},
    }
    return {
        "name": task,
        "ownerEmail": OWNER,
        "retryCount": 0,
        "timeoutSeconds": 60,
        "responseTimeoutSeconds": 30,
        "inputSchema": {"name": f"{task}_input", "version": 1, "type": "JSON", "data": schema},
        "enforceSchema": True,
    }


def _workflow(task: str) -> dict[str, Any]:
    return {
        "name": "trackproof_schema_probe",
        "version": 1,
        "schemaVersion": 2,
        "ownerEmail": OWNER,
        "timeoutPolicy": "TIME_OUT_WF",
        "timeoutSeconds": 60,
        "tasks": [
            {
                "name": task,
                "taskReferenceName": task,
                "type": "SIMPLE",
                "inputParameters": {"text": "${workflow.input.text}"},
            }
        ],
    }


def is_enforced(definition: Mapping[str, Any]) -> bool:
    """Return whether a registered definition asks for enforcement of a schema that it has."""
    return bool(definition.get("enforceSchema")) and any(map(definition.get, SCHEMA_FIELDS))


def without_enforcement(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition whose schemas are for information only."""
    return {**definition, "enforceSchema": False}


def stop_enforcement(server: ConductorRest, tasks: Iterable[str], workflow: str) -> None:
    """Register definitions anew that ask the server to enforce their schemas.

    Args:
        server: A client in the server's own terms.
        tasks: Names of task definitions.
        workflow: Name of a workflow definition.
    """
    names = set(tasks)
    for definition in server.task_definitions():
        if definition["name"] in names and is_enforced(definition):
            server.update_task_definition(without_enforcement(definition))
    found = server.workflow_definition(workflow)
    if found is not None and is_enforced(found):
        server.put_workflow_definition(without_enforcement(found))
