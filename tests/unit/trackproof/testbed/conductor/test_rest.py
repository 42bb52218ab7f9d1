from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx

from trackproof.errors import TestbedError
from trackproof.testbed.conductor.rest import (
    ConductorRefusalError,
    ConductorRest,
    http_client,
    split_queue,
)
from trackproof.testbed.conductor.terms import SERVER_TERMS

API = "http://conductor:8080/api"


@pytest.fixture
def rest() -> Iterator[ConductorRest]:
    with ConductorRest(API) as client:
        yield client


@respx.mock
def test_start_sends_only_given_fields(rest: ConductorRest) -> None:
    route = respx.post(f"{API}/workflow").respond(200, text="run-1")
    assert rest.start_workflow("pipeline", input={"a": 1}) == "run-1"
    assert json.loads(route.calls.last.request.content) == {"name": "pipeline", "input": {"a": 1}}


@respx.mock
def test_run_is_read_decided_and_terminated(rest: ConductorRest) -> None:
    respx.get(f"{API}/workflow/r", params={"includeTasks": "false"}).respond(json={"status": "X"})
    decided = respx.put(f"{API}/workflow/decide/r").respond(200)
    ended = respx.delete(f"{API}/workflow/r", params={"reason": "done"}).respond(200)
    assert rest.workflow("r", include_tasks=False) == {"status": "X"}
    rest.decide("r")
    rest.terminate("r", "done")
    assert decided.called
    assert ended.called


@respx.mock
def test_missing_definition_is_none(rest: ConductorRest) -> None:
    respx.get(f"{API}/metadata/workflow/w").respond(404)
    respx.get(f"{API}/metadata/taskdefs/t").respond(404)
    assert rest.workflow_definition("w", 1) is None
    assert rest.task_definition("t") is None


@respx.mock
def test_poll_data_and_definitions_are_lists(rest: ConductorRest) -> None:
    respx.get(f"{API}/tasks/queue/polldata/all").respond(json=[{"queueName": "t"}])
    respx.get(f"{API}/metadata/taskdefs").respond(json=[{"name": "t"}])
    assert rest.poll_data() == [{"queueName": "t"}]
    assert rest.task_definitions() == [{"name": "t"}]


@respx.mock
def test_refusal_has_the_servers_message(rest: ConductorRest) -> None:
    answer = {
        "status": 400,
        "message": "Validation failed",
        "validationErrors": [{"path": "workflow.ownerEmail", "message": "cannot be empty"}],
    }
    respx.put(f"{API}/metadata/workflow").respond(400, json=answer)
    with pytest.raises(ConductorRefusalError) as refusal:
        rest.put_workflow_definition({"name": "w"})
    assert refusal.value.status == 400
    assert refusal.value.evidence == "Validation failed\nworkflow.ownerEmail: cannot be empty"


@pytest.mark.parametrize(
    ("body", "evidence"),
    [("plain words", "plain words"), ("[1]", "[1]"), ('{"error": "Not Found"}', "Not Found")],
)
@respx.mock
def test_refusal_of_any_format_has_evidence(rest: ConductorRest, body: str, evidence: str) -> None:
    respx.get(f"{API}/workflow/r").respond(500, text=body)
    with pytest.raises(ConductorRefusalError) as refusal:
        rest.workflow("r")
    assert refusal.value.evidence == evidence


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        (httpx.ConnectError("refused"), "could not be reached"),
        (httpx.ReadTimeout("slow"), "did not answer"),
    ],
)
@respx.mock
def test_connection_failure_is_a_testbed_error(
    rest: ConductorRest, cause: Exception, message: str
) -> None:
    respx.get(f"{API}/workflow/r").mock(side_effect=cause)
    with pytest.raises(TestbedError, match=message) as failure:
        rest.workflow("r")
    assert str(cause) in failure.value.evidence
    assert failure.value.hint


@pytest.mark.parametrize(
    ("url", "uses_proxy"),
    [
        ("http://127.0.0.1:8080/api", False),
        ("http://172.17.0.1:8080/api", False),
        ("http://[::1]:8080/api", False),
        ("http://localhost/api", False),
        ("http://conductor:8080/api", False),
        ("http://conductor.example.org/api", True),
    ],
)
def test_proxies_are_used_for_remote_servers_only(url: str, uses_proxy: bool) -> None:
    with http_client(url) as client:
        assert client.trust_env is uses_proxy


@respx.mock
def test_every_run_is_started_in_the_clients_domain(rest: ConductorRest) -> None:
    start = respx.post(f"{API}/workflow").respond(text="run-1")
    own = rest.translated(SERVER_TERMS, domain="mine")

    own.start_workflow("w", 1, {})
    own.start_inline_workflow({"name": "w", "version": 1}, {})
    own.start_inline_workflow({"name": "w", "version": 1}, {}, task_to_domain={"t": "other"})
    rest.start_workflow("w", 1, {})

    domains = [json.loads(call.request.content).get("taskToDomain") for call in start.calls]
    assert domains == [{"*": "mine"}, {"*": "mine"}, {"t": "other"}, None]


@pytest.mark.parametrize(
    ("entry", "queue"),
    [
        ({"queueName": "t"}, ("", "t")),
        ({"queueName": "mine:t"}, ("mine", "t")),
        ({"queueName": "t", "domain": "mine"}, ("mine", "t")),
        ({"queueName": "t", "domain": None}, ("", "t")),
    ],
)
def test_queue_has_a_domain_in_both_forms(entry: dict[str, Any], queue: tuple[str, str]) -> None:
    assert split_queue(entry) == queue


@respx.mock
def test_polls_in_domains_are_listed_by_task_type(rest: ConductorRest) -> None:
    # As 3.15.0 answers: the list of all polls has none in a domain.
    in_domain = {"queueName": "t", "domain": "mine", "lastPollTime": 1}
    respx.get(f"{API}/tasks/queue/polldata/all").respond(json=[{"queueName": "u"}])
    respx.get(f"{API}/tasks/queue/polldata", params={"taskType": "t"}).respond(json=[in_domain])

    assert {split_queue(entry) for entry in rest.poll_data(["t"])} == {("", "u"), ("mine", "t")}
