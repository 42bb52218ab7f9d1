from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx

from trackproof.testbed.conductor.registration import is_registered, register
from trackproof.testbed.conductor.rest import ConductorRefusalError

API = "http://conductor:8080/api"
TASKS: list[dict[str, Any]] = [
    {"name": "pad", "ownerEmail": "a@b.c", "retryCount": 2},
    {"name": "mix"},
]
WORKFLOW: dict[str, Any] = {
    "name": "pipeline",
    "version": 2,
    "tasks": [{"name": "pad", "taskReferenceName": "pad", "inputParameters": {"x": "${y}"}}],
}


class Server:
    """A fake metadata API that adds defaults and time stamps, as real servers do."""

    def __init__(self) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}
        self.workflows: dict[tuple[str, int], dict[str, Any]] = {}
        self.sent: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/metadata/")
        if request.method == "GET":
            return self._read(path, request.url.params)
        body = json.loads(request.content)
        self.sent.append(f"{request.method} {path}")
        for definition in body if isinstance(body, list) else [body]:
            stored = {**definition, "updateTime": len(self.sent)}
            stored.pop("unknownField", None)
            if path == "taskdefs":
                self.tasks[definition["name"]] = {"retryCount": 3, "inputKeys": [], **stored}
            else:
                key = (definition["name"], definition.get("version", 1))
                self.workflows[key] = {"schemaVersion": 2, "restartable": True, **stored}
        return httpx.Response(200)

    def _read(self, path: str, params: httpx.QueryParams) -> httpx.Response:
        if path == "taskdefs":
            return httpx.Response(200, json=list(self.tasks.values()))
        kind, _, name = path.partition("/")
        definition = (
            self.tasks.get(name)
            if kind == "taskdefs"
            else self.workflows.get((name, int(params["version"])))
        )
        return httpx.Response(200, json=definition) if definition else httpx.Response(404)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    with respx.mock(assert_all_called=False) as router:
        router.route(url__startswith=f"{API}/metadata/").mock(side_effect=server.answer)
        yield server


def test_removed_field_is_an_update(server: Server) -> None:
    register(API, [{**TASKS[0], "retryCount": 5}, TASKS[1]], WORKFLOW)
    without = {key: value for key, value in TASKS[0].items() if key != "retryCount"}
    assert register(API, [without, TASKS[1]], WORKFLOW).updated == ("pad",)
    assert register(API, [without, TASKS[1]], WORKFLOW).updated == ()


def test_new_version_of_a_workflow_is_created(server: Server) -> None:
    register(API, TASKS, WORKFLOW)
    assert register(API, TASKS, {**WORKFLOW, "version": 3}).created == ("pipeline/3",)
    assert set(server.workflows) == {("pipeline", 2), ("pipeline", 3)}


def test_field_dropped_by_the_server_is_no_change(server: Server) -> None:
    register(API, TASKS, WORKFLOW)
    report = register(API, TASKS, {**WORKFLOW, "unknownField": 1})
    assert report.unchanged == ("pad", "mix", "pipeline/2")


@pytest.mark.parametrize(
    ("message", "hint"),
    [("ownerEmail cannot be empty", "ownerEmail"), ("name is too long", "as the server says")],
)
@respx.mock
def test_refusal_has_the_definition_and_the_servers_message(message: str, hint: str) -> None:
    respx.get(f"{API}/metadata/taskdefs").respond(json=[])
    respx.get(f"{API}/metadata/workflow/pipeline").respond(404)
    respx.put(f"{API}/metadata/workflow").respond(400, json={"message": message})
    with pytest.raises(ConductorRefusalError) as refusal:
        register(API, [], WORKFLOW)
    assert refusal.value.what == "Conductor refused workflow pipeline/2 with 400"
    assert refusal.value.evidence == message
    assert hint in refusal.value.hint


def change(path: list[Any], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(WORKFLOW)
    target: Any = changed
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("registered", "expected", "same"),
    [
        (WORKFLOW, WORKFLOW, True),
        (change(["createTime"], 17), WORKFLOW, True),
        (change(["failureWorkflow"], ""), WORKFLOW, True),
        (change(["failureWorkflow"], "cleanup"), WORKFLOW, False),
        (change(["tasks", 0, "type"], "SIMPLE"), WORKFLOW, True),
        (change(["tasks", 0, "type"], "HTTP"), WORKFLOW, False),
        (change(["tasks", 0, "optional"], True), WORKFLOW, False),
        (change(["tasks", 0, "inputParameters"], {"x": "${z}"}), WORKFLOW, False),
        (change(["tasks", 0, "inputParameters"], {"x": "${y}", "old": ""}), WORKFLOW, False),
        (change(["tasks"], []), WORKFLOW, False),
        (WORKFLOW, change(["timeoutSeconds"], 5), False),
        (WORKFLOW, change(["description"], None), True),
        ({"decisionCases": {}}, {"decisionCases": {"skip": []}}, False),
        ({"decisionCases": {"skip": []}}, {"decisionCases": {"skip": []}}, True),
        ({"retryCount": 3}, {"retryCount": 0}, False),
    ],
)
def test_comparison_ignores_only_server_defaults(
    registered: dict[str, Any], expected: dict[str, Any], same: bool
) -> None:
    assert is_registered(registered, expected) is same
