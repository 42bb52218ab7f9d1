"""Whether a server enforces schemas is tried, and switched off for what the suite registers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx

from trackproof.contracts.load import DIALECT, load_contracts
from trackproof.errors import TestbedError
from trackproof.fleet.profile import FleetProfile, Overlay
from trackproof.fleet.translation.definitions import definitions
from trackproof.runs.task_run import one_task_workflow
from trackproof.testbed.conductor import schema_enforcement
from trackproof.testbed.conductor.rest import ConductorRest
from trackproof.testbed.conductor.schema_enforcement import enforces_schemas, stop_enforcement

API = "http://127.0.0.1:1/api"


@pytest.fixture
def server() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=API, assert_all_called=False) as routes:
        routes.post("/metadata/taskdefs").respond()
        routes.get(url__startswith=f"{API}/metadata/taskdefs/").respond(json={"name": "probe"})
        routes.delete(url__startswith=f"{API}/metadata/taskdefs/", name="deletion").respond()
        routes.post("/workflow", name="start").respond(text="run-1")
        routes.delete("/workflow/run-1").respond()
        routes.get("/workflow/run-1", name="run").respond(json={"status": "RUNNING", "tasks": []})
        routes.get(url__startswith=f"{API}/tasks/poll/", name="poll").respond(204)
        yield routes


def test_a_server_that_hands_out_an_invalid_input_enforces_nothing(
    server: respx.MockRouter,
) -> None:
    server["poll"].respond(json={"taskId": "t"})

    assert enforces_schemas(API) is False
    assert server["deletion"].called


def test_a_server_that_fails_the_run_enforces_schemas(server: respx.MockRouter) -> None:
    server["run"].respond(json={"status": "FAILED", "tasks": []})

    assert enforces_schemas(API) is True
    assert server["deletion"].called


def test_a_server_that_refuses_the_start_enforces_schemas(server: respx.MockRouter) -> None:
    server["start"].respond(400, json={"message": "$.text: integer found, string expected"})

    assert enforces_schemas(API) is True
    assert server["deletion"].called


def test_a_server_that_does_neither_is_an_error(
    server: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_enforcement, "PROBE_SECONDS", 0.1)

    with pytest.raises(TestbedError, match="neither refuses the probe's input"):
        enforces_schemas(API)

    assert server["deletion"].called


def test_the_probe_has_a_schema_that_newer_servers_enforce(server: respx.MockRouter) -> None:
    server["poll"].respond(json={"taskId": "t"})

    enforces_schemas(API)

    [definition] = json.loads(server.calls[0].request.content)
    assert definition["enforceSchema"] is True
    assert definition["inputSchema"]["data"]["$schema"] == DIALECT


@pytest.mark.parametrize(
    "profile",
    [
        FleetProfile(name="plain", attach=True),
        FleetProfile(name="part", attach=True, serves=("pad_track",)),
        FleetProfile(
            name="overlaid",
            attach=True,
            overlay=Overlay(tasks={"pad_track": {"enforceSchema": True}}),
        ),
    ],
    ids=lambda profile: profile.name,
)
def test_no_definition_that_the_suite_registers_is_enforced(profile: FleetProfile) -> None:
    tasks, _ = definitions(profile)

    assert tasks
    assert {task["enforceSchema"] for task in tasks} == {False}


def test_no_run_of_a_single_task_is_enforced() -> None:
    for name, task in load_contracts().tasks.items():
        workflow = one_task_workflow(name, task.task_definition(), {})

        assert workflow["tasks"][0]["taskDefinition"]["enforceSchema"] is False


def test_a_fleets_own_definitions_are_registered_anew_without_enforcement() -> None:
    schema = {"name": "s", "version": 1, "type": "JSON", "data": {}}
    tasks: list[dict[str, Any]] = [
        {"name": "mine", "enforceSchema": True, "inputSchema": schema, "retryCount": 7},
        {"name": "plain", "enforceSchema": True},
        {"name": "loose", "enforceSchema": False, "outputSchema": schema},
        {"name": "somebody_elses", "enforceSchema": True, "inputSchema": schema},
    ]
    workflow = {"name": "flow", "version": 3, "enforceSchema": True, "outputSchema": schema}
    with respx.mock(base_url=API) as routes:
        routes.get("/metadata/taskdefs").respond(json=tasks)
        routes.get("/metadata/workflow/flow").respond(json=workflow)
        updated = routes.put("/metadata/taskdefs").mock(return_value=httpx.Response(200))
        replaced = routes.put("/metadata/workflow").mock(return_value=httpx.Response(200))
        with ConductorRest(API) as server:
            stop_enforcement(server, ["mine", "plain", "loose"], "flow")

    sent = [json.loads(call.request.content) for call in updated.calls]
    assert sent == [{**tasks[0], "enforceSchema": False}]
    assert json.loads(replaced.calls[0].request.content) == [{**workflow, "enforceSchema": False}]
