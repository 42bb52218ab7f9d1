from __future__ import annotations

from typing import Any

import pytest

from reference_workers.settings import Settings
from tests.integration.api.api_process import ServedApi, serve_api
from tests.integration.api.hostile_clients import (
    answering,
    answering_json,
    hanging_after,
    misbehaving,
)
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID
from trackproof.testbed.conductor import ConductorRest, ConductorServer

ONE_STEP = {
    "name": "one_step",
    "version": 1,
    "schemaVersion": 2,
    "ownerEmail": "a@b.org",
    "tasks": [{"name": "wait", "taskReferenceName": "wait", "type": "WAIT"}],
}


def recording(settings: Settings, conductor_url: str, workflow_id: str) -> dict[str, Any]:
    """Return the recording from an API with this Conductor."""
    with serve_api(settings.model_copy(update={"conductor_server_url": conductor_url})) as api:
        api.state.store_workflow("rec-1", workflow_id)
        response = api.get("/recordings/rec-1")
        assert response.status_code == 200
        answer: dict[str, Any] = response.json()
        return answer


def test_a_recording_without_a_workflow(api: ServedApi) -> None:
    assert api.get("/recordings/rec-1").json() == {
        "id": "rec-1",
        "meeting_id": None,
        "tracks": 2,
        "transcript_id": TRANSCRIPT_ID,
        "workflow": None,
    }


@pytest.mark.conductor
def test_a_recording_has_its_workflows_status(
    settings: Settings, conductor: ConductorServer
) -> None:
    with ConductorRest(conductor.api_url) as rest:
        rest.put_workflow_definition(ONE_STEP)
        workflow_id = rest.start_workflow("one_step", 1)
        running = recording(settings, conductor.api_url, workflow_id)
        rest.terminate(workflow_id)
        ended = recording(settings, conductor.api_url, workflow_id)
        unknown = recording(settings, conductor.api_url, "../../no/such?workflow")

    assert running["workflow"] == {"id": workflow_id, "status": "RUNNING", "cause": None}
    assert ended["workflow"]["status"] == "TERMINATED"
    assert unknown["workflow"]["status"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [
        pytest.param(hanging_after(b""), "no answer within 1.5 s", id="hangs"),
        pytest.param(answering(b""), "connection lost", id="hangs-up"),
        pytest.param(answering_json("{}"), "answered 200 without a status", id="no-status"),
        pytest.param(answering_json('{"status": 1}'), "answered 200 without a status", id="number"),
        pytest.param(answering_json("{}", "404 Not Found"), "unknown to Conductor", id="forgotten"),
    ],
)
def test_without_conductor_the_workflow_status_is_unknown(
    settings: Settings, behaviour: Any, cause: str
) -> None:
    with misbehaving(behaviour) as port:
        answer = recording(settings, f"http://127.0.0.1:{port}/api", "workflow-1")

    assert answer["id"] == "rec-1"
    assert answer["workflow"]["id"] == "workflow-1"
    assert answer["workflow"]["status"] == "UNKNOWN"
    assert cause in answer["workflow"]["cause"]


def test_an_unknown_recording(api: ServedApi) -> None:
    response = api.get("/recordings/unknown")

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no recording unknown",
    }
