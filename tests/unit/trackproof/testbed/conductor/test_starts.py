"""Starts of workflows that pass a gateway: recorded, broken one by one, or refused at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.unit.background import in_background
from trackproof.testbed.conductor.gateway import ConductorGateway, start_gateway
from trackproof.testbed.conductor.starts import StartFault, is_start

STARTED: list[bytes] = []


class Server(BaseHTTPRequestHandler):
    """Stands for Conductor: starts a workflow for each request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        STARTED.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        answer = b"workflow-1"
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def gateway() -> Iterator[ConductorGateway]:
    STARTED.clear()
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    listener.daemon_threads = True
    url = f"http://127.0.0.1:{listener.server_port}/api"
    with listener, in_background(listener), start_gateway(url) as running:
        yield running


def start(gateway: ConductorGateway, recording: str = "rec-1") -> httpx.Response:
    url = f"{gateway.api_url}/workflow/diarization_pipeline"
    return httpx.post(url, json={"recording_id": recording}, timeout=5)


@pytest.mark.parametrize(
    ("path", "starts"),
    [
        ("/workflow", True),
        ("/workflow/diarization_pipeline", True),
        ("/workflow/execute/diarization_pipeline/1", True),
        ("/workflow/test", False),
        ("/workflow/id-1/retry", False),
        ("/workflow/bulk/pause", False),
        ("/tasks", False),
    ],
)
def test_requests_that_start_a_workflow_are_told_by_their_path(path: str, starts: bool) -> None:
    assert is_start("POST", path) is starts
    assert not is_start("GET", path)


def test_a_start_is_recorded_with_its_workflow(gateway: ConductorGateway) -> None:
    assert start(gateway).text == "workflow-1"

    (recorded,) = gateway.starts.about("rec-1")
    assert recorded.workflow_id == "workflow-1"
    assert gateway.starts.about("rec-2") == []


@pytest.mark.parametrize(
    ("failure", "status", "kind"),
    [("error", 500, "application/json"), ("page", 200, "text/html")],
)
def test_a_failing_start_does_not_reach_the_server(
    failure: str, status: int, kind: str, gateway: ConductorGateway
) -> None:
    gateway.starts.add_fault(StartFault("rec-1", failure))  # type: ignore[arg-type]

    answer = start(gateway)

    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    assert STARTED == []
    assert [one.workflow_id for one in gateway.starts.about("rec-1")] == [""]
    assert start(gateway, "rec-2").text == "workflow-1"


def test_a_lost_answer_has_started_the_workflow(gateway: ConductorGateway) -> None:
    gateway.starts.add_fault(StartFault("rec-1", "lost"))

    with pytest.raises(httpx.TransportError):
        start(gateway)

    assert len(STARTED) == 1
    assert [one.workflow_id for one in gateway.starts.about("rec-1")] == ["workflow-1"]


def test_a_start_that_hangs_ends_with_its_release(gateway: ConductorGateway) -> None:
    fault = StartFault("rec-1", "hang")
    gateway.starts.add_fault(fault)
    threading.Timer(0.05, gateway.starts.release).start()

    with pytest.raises(httpx.TransportError):
        start(gateway)

    assert (fault.met, STARTED) == (1, [])
    assert start(gateway).text == "workflow-1"


def test_a_gateway_that_refuses_accepts_again_at_the_same_url(gateway: ConductorGateway) -> None:
    with httpx.Client() as client:
        url = f"{gateway.api_url}/workflow"
        client.post(url, json={})

        gateway.refuse()
        with pytest.raises(httpx.TransportError):
            client.post(url, json={})
        with pytest.raises(httpx.ConnectError):
            start(gateway)

        gateway.accept()
        assert start(gateway).text == "workflow-1"
