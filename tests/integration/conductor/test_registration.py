from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from trackproof.testbed.conductor import (
    ConductorRest,
    ConductorServer,
    RegistrationReport,
    register,
)
from trackproof.testbed.conductor.rest import ConductorRefusalError

pytestmark = pytest.mark.conductor

OWNER = {"ownerEmail": "owner@example.org"}


@pytest.fixture
def rest(conductor: ConductorServer) -> Iterator[ConductorRest]:
    with ConductorRest(conductor.api_url) as client:
        yield client


@pytest.fixture
def names() -> list[str]:
    """Names that no other test uses, so that no cleaning is needed."""
    return [f"{word}_{uuid.uuid4().hex[:8]}" for word in ("pad", "mix", "pipeline")]


def definitions(names: list[str]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    pad, mix, pipeline = names
    tasks: list[dict[str, Any]] = [{"name": pad, "retryCount": 1, **OWNER}, {"name": mix, **OWNER}]
    fork = {
        "name": "fork",
        "taskReferenceName": "fork",
        "type": "FORK_JOIN_DYNAMIC",
        "inputParameters": {"tasks": "${workflow.input.tasks}", "inputs": "${workflow.input.x}"},
        "dynamicForkTasksParam": "tasks",
        "dynamicForkTasksInputParamName": "inputs",
    }
    join = {"name": "join", "taskReferenceName": "join", "type": "JOIN"}
    last = {"name": mix, "taskReferenceName": "mix", "inputParameters": {"n": 1, "none": None}}
    return tasks, {"name": pipeline, "version": 1, "tasks": [fork, join, last], **OWNER}


def test_second_registration_sends_nothing(
    conductor: ConductorServer, rest: ConductorRest, names: list[str]
) -> None:
    tasks, workflow = definitions(names)
    title = f"{names[2]}/1"
    first = register(conductor.api_url, tasks, workflow)
    stored = [*map(rest.task_definition, names[:2]), rest.workflow_definition(names[2], 1)]
    second = register(conductor.api_url, tasks, workflow)
    assert first == RegistrationReport(created=(*names[:2], title))
    assert second == RegistrationReport(unchanged=(*names[:2], title))
    # including updateTime: nothing was sent again
    assert stored == [
        *map(rest.task_definition, names[:2]),
        rest.workflow_definition(names[2], 1),
    ]


def test_changed_definitions_are_replaced(
    conductor: ConductorServer, rest: ConductorRest, names: list[str]
) -> None:
    tasks, workflow = definitions(names)
    register(conductor.api_url, tasks, workflow)
    tasks[0]["retryCount"] = 4
    workflow["tasks"][2]["inputParameters"] = {"n": 2}
    report = register(conductor.api_url, tasks, workflow)
    assert report == RegistrationReport(updated=(names[0], f"{names[2]}/1"), unchanged=(names[1],))
    task, stored = rest.task_definition(names[0]), rest.workflow_definition(names[2], 1)
    assert task
    assert stored
    assert task["retryCount"] == 4
    assert stored["tasks"][2]["inputParameters"] == {"n": 2}


def test_workflow_without_owner_is_refused_with_the_servers_message(
    conductor: ConductorServer, names: list[str]
) -> None:
    tasks, workflow = definitions(names)
    del workflow["ownerEmail"]
    with pytest.raises(ConductorRefusalError) as refusal:
        register(conductor.api_url, tasks, workflow)
    assert refusal.value.status == 400
    assert "ownerEmail cannot be empty" in refusal.value.evidence
    assert "ownerEmail" in refusal.value.hint


def test_run_is_started_read_and_terminated(
    conductor: ConductorServer, rest: ConductorRest, names: list[str]
) -> None:
    tasks, workflow = definitions(names)
    register(conductor.api_url, tasks, workflow)
    run = rest.start_workflow(names[2], 1, {"tasks": [], "x": {}})
    rest.decide(run)
    assert rest.workflow(run)["workflowName"] == names[2]
    rest.terminate(run, "seen enough")
    ended = rest.workflow(run, include_tasks=False)
    assert (ended["status"], ended["reasonForIncompletion"]) == ("TERMINATED", "seen enough")
    assert isinstance(rest.poll_data(), list)
