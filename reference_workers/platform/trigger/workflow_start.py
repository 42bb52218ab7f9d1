"""Start a recording's workflow, and find out whether one was started without an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_workers.platform.client import (
    ConductorClient,
    ConductorError,
    ConductorRefusedError,
)
from trackproof.contracts.load import load_contracts


class WorkflowStartError(Exception):
    """No workflow was started for a transcript, or nobody can tell.

    Attributes:
        is_certain: Whether Conductor confirmed that none was started.
    """

    def __init__(self, cause: ConductorError, *, is_certain: bool) -> None:
        """Take the error of the request."""
        super().__init__(str(cause))
        self.is_certain = is_certain


def start_workflow(
    client: ConductorClient, input_data: Mapping[str, Any], *, may_run: bool = False
) -> str:
    """Return the id of the workflow that was started for a transcript.

    Its correlation id is the transcript's. A request without a proper answer may have started it
    nevertheless, so it is looked up.

    Args:
        client: The server's client.
        input_data: The workflow's input.
        may_run: Whether an earlier request may have started it; it is looked up first.

    Raises:
        WorkflowStartError: Conductor refused, does not answer, or another server answered.
    """
    definition = load_contracts().workflow
    transcript_id = str(input_data["transcript_id"])
    if may_run:
        try:
            running = started_workflow(client, transcript_id)
        except ConductorError as error:
            raise WorkflowStartError(error, is_certain=False) from error
        if running is not None:
            return running
    try:
        return client.start_workflow(
            definition["name"], definition["version"], input_data, correlation_id=transcript_id
        )
    except ConductorError as error:
        try:
            started = started_workflow(client, transcript_id)
        except ConductorError:
            raise WorkflowStartError(error, is_certain=False) from error
        if started is None:
            raise WorkflowStartError(error, is_certain=True) from error
        return started


def started_workflow(client: ConductorClient, transcript_id: str) -> str | None:
    """Return the id of a transcript's workflow, whoever started it; None if there is none.

    Raises:
        ConductorUnreachableError: No answer after all attempts.
        ConductorRefusedError: The server refused, or is not a Conductor server.
    """
    definition = load_contracts().workflow
    # A server in memory mode has no search index; every server lists what runs.
    for workflow_id in client.running(definition["name"], definition["version"]):
        try:
            workflow = client.workflow(workflow_id, tasks=False)
        except ConductorRefusedError:
            continue  # it was removed meanwhile
        if workflow.get("correlationId") == transcript_id:
            return workflow_id
    found = client.search(definition["name"], transcript_id)
    return str(found[0]["workflowId"]) if found else None
