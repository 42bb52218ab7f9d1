"""A fleet's requests pass the gateway unchanged; its traffic is recorded, its updates broken."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.unit.background import in_background
from trackproof.testbed.conductor.gateway import ConductorGateway, is_near, start_gateway
from trackproof.testbed.conductor.traffic import UpdateFault
from trackproof.wait import wait_until

TASK = {"taskId": "t1", "workflowInstanceId": "w1", "taskDefName": "Finalize"}
RESULT = {"taskId": "t1", "workflowInstanceId": "w1", "status": "COMPLETED"}


class Server(BaseHTTPRequestHandler):
    """Stands for Conductor: hands out one task, echoes everything else."""

    protocol_version = "HTTP/1.1"
    requests: list[tuple[str, str, bytes, dict[str, str]]]
    tasks: list[dict[str, Any]]

    def _answer(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self._chunks()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.requests.append((self.command, self.path, body, dict(self.headers)))
        if self.path.startswith("/api/tasks/poll/batch/"):
            self._send(json.dumps([self.tasks.pop()] if self.tasks else []).encode())
        elif self.path == "/api/empty":
            self.send_response(204)
            self.end_headers()
        elif self.path == "/api/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\n")
        elif self.path == "/api/until-the-end":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"all of it")
            self.close_connection = True
        else:
            self._send(b"t1")
            self.close_connection = self.path == "/api/closing"

    do_GET = do_POST = do_HEAD = do_PUT = _answer  # noqa: N815

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> type[Server]:
    class Fresh(Server):
        requests, tasks = [], [dict(TASK)]

    return Fresh


@pytest.fixture
def gateway(server: type[Server]) -> Iterator[ConductorGateway]:
    listener = ThreadingHTTPServer(("127.0.0.1", 0), server)
    listener.daemon_threads = True
    url = f"http://127.0.0.1:{listener.server_port}/api"
    with listener, in_background(listener), start_gateway(url) as gateway:
        yield gateway


@pytest.fixture
def fleet(gateway: ConductorGateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.api_url, trust_env=False, timeout=5) as client:
        yield client


def poll(fleet: httpx.Client) -> Any:
    return fleet.get("/tasks/poll/batch/Finalize", params={"count": 1}).json()


def test_requests_reach_the_server_unchanged(fleet: httpx.Client, server: type[Server]) -> None:
    answer = fleet.put("/metadata/x?a=%2F&b=", content=b"\x00body", headers={"X-Key": "v"})

    assert (answer.status_code, answer.content) == (200, b"t1")
    ((method, path, body, headers),) = server.requests
    assert (method, path, body) == ("PUT", "/api/metadata/x?a=%2F&b=", b"\x00body")
    assert headers["x-key"] == "v"
    assert headers["host"] != str(fleet.base_url.netloc)


@pytest.mark.parametrize(
    ("path", "status", "content"),
    [
        ("/empty", 204, b""),
        ("/chunked", 200, b"abcde"),
        ("/until-the-end", 200, b"all of it"),
        ("/closing", 200, b"t1"),
    ],
)
def test_every_kind_of_answer_passes_and_the_next_request_too(
    path: str, status: int, content: bytes, fleet: httpx.Client
) -> None:
    for _ in range(2):
        answer = fleet.get(path)

        assert (answer.status_code, answer.content) == (status, content)
    assert fleet.head("/anything").status_code == 200
    assert fleet.get("/anything").content == b"t1"


def test_a_chunked_request_passes(fleet: httpx.Client, server: type[Server]) -> None:
    fleet.post("/workflow", content=iter([b"one ", b"two"]))

    assert server.requests[0][2] == b"one two"


def test_a_client_that_waits_before_its_body_may_go_on(gateway: ConductorGateway) -> None:
    port = httpx.URL(gateway.api_url).port
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        head = "POST /api/workflow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
        client.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert client.recv(64).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"{}")

        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_the_server_gets_no_offer_to_speak_http_2(
    fleet: httpx.Client, server: type[Server]
) -> None:
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAM"}

    fleet.get("/anything", headers=offer)

    ((_, _, _, headers),) = server.requests
    assert headers["connection"] == "keep-alive"
    assert not {"upgrade", "http2-settings"} & headers.keys()


def test_traffic_is_recorded(gateway: ConductorGateway, fleet: httpx.Client) -> None:
    traffic, since = gateway.traffic, time.time()
    assert poll(fleet) == [TASK]
    assert poll(fleet) == []
    fleet.post("/tasks", json={**RESULT, "status": "IN_PROGRESS"})
    fleet.post("/tasks/w1/finalize/COMPLETED", json={})
    fleet.post("/tasks/t1/log", content="a line")

    assert traffic.polls_since(since) == 2
    assert traffic.polls_since(time.time()) == 0
    (taken,) = traffic.taken_since(since)
    assert (taken.task_id, taken.workflow_id, taken.task_type) == ("t1", "w1", "Finalize")
    assert [one.status for one in traffic.updates_of("w1")] == ["IN_PROGRESS", "COMPLETED"]
    assert traffic.updates_of("w2") == []


def test_a_task_is_open_until_it_is_finished_or_handed_back(
    gateway: ConductorGateway, fleet: httpx.Client, server: type[Server]
) -> None:
    server.tasks[:] = [{**TASK, "taskId": f"t{n}", "workflowInstanceId": f"w{n}"} for n in range(4)]
    since = time.time()
    for _ in range(4):
        poll(fleet)

    fleet.post("/tasks", json={**RESULT, "taskId": "t0"})
    fleet.post("/tasks", json={**RESULT, "taskId": "t1", "status": "IN_PROGRESS"})
    heartbeat = {**RESULT, "taskId": "t2", "status": "IN_PROGRESS", "extendLease": True}
    fleet.post("/tasks", json=heartbeat)
    fleet.post("/tasks/w3/finalize/FAILED", json={})

    assert [task.task_id for task in gateway.traffic.without_result(since)] == ["t2"]
    assert gateway.traffic.without_result(time.time()) == []


def updates_at(server: type[Server]) -> int:
    return sum(path == "/api/tasks" for _, path, _, _ in server.requests)


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_result_is_refused_once(
    carried_out: bool, gateway: ConductorGateway, fleet: httpx.Client, server: type[Server]
) -> None:
    fault = UpdateFault("Finalize", "status", carried_out=carried_out)
    gateway.traffic.add_fault(fault)
    poll(fleet)

    assert fleet.post("/tasks", json={**RESULT, "status": "IN_PROGRESS"}).status_code == 200
    assert fleet.post("/tasks", json=RESULT).status_code == 503
    assert fleet.post("/tasks", json=RESULT).status_code == 200
    assert (updates_at(server), fault.met) == (3 if carried_out else 2, 1)


@pytest.mark.parametrize("carried_out", [False, True])
def test_the_connection_of_a_result_is_reset(
    carried_out: bool, gateway: ConductorGateway, fleet: httpx.Client, server: type[Server]
) -> None:
    gateway.traffic.add_fault(UpdateFault("Finalize", "reset", carried_out=carried_out))
    poll(fleet)

    with pytest.raises(httpx.TransportError):
        fleet.post("/tasks", json=RESULT)

    assert updates_at(server) == int(carried_out)
    assert fleet.post("/tasks", json=RESULT).status_code == 200


def test_a_result_is_held_until_its_release(
    gateway: ConductorGateway, fleet: httpx.Client, server: type[Server]
) -> None:
    fault = UpdateFault("Finalize", "hold")
    gateway.traffic.add_fault(fault)
    poll(fleet)
    sender = threading.Thread(target=lambda: fleet.post("/tasks", json=RESULT))

    sender.start()
    wait_until(lambda: fault.met, what="the held update", timeout=5, interval=0.01)
    assert updates_at(server) == 0
    fault.release()
    sender.join(5)

    assert updates_at(server) == 1


def test_results_of_other_types_are_not_broken(
    gateway: ConductorGateway, fleet: httpx.Client
) -> None:
    fault = UpdateFault("PadTrack", "status")
    gateway.traffic.add_fault(fault)
    poll(fleet)

    assert fleet.post("/tasks", json=RESULT).status_code == 200
    assert fault.met == 0


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://127.0.0.1:8080/api", True),
        ("http://conductor:8080/api", True),
        ("https://127.0.0.1/api", False),
        ("http://conductor.example.com/api", False),
    ],
)
def test_only_plain_http_nearby_passes_a_gateway(url: str, near: bool) -> None:
    assert is_near(url) is near


def test_watchers_see_a_task_before_the_fleet_gets_it(
    gateway: ConductorGateway, fleet: httpx.Client
) -> None:
    events: list[str] = []
    gateway.traffic.watchers.append(
        lambda task: events.append(f"{task.task_type} of {task.workflow_id}")
    )

    events.append(f"got {len(poll(fleet))}")
    poll(fleet)

    assert events == ["Finalize of w1", "got 1"]


def test_an_outage_resets_every_request_until_it_ends(
    fleet: httpx.Client, gateway: ConductorGateway, server: type[Server]
) -> None:
    gateway.traffic.cut()
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            fleet.get("/anything")
    gateway.traffic.restore()

    assert fleet.get("/anything").content == b"t1"
    assert len(server.requests) == 1
    assert gateway.traffic.cut_off >= 2


def test_a_dead_workers_result_never_arrives(
    gateway: ConductorGateway, fleet: httpx.Client, server: type[Server]
) -> None:
    fault = UpdateFault("Finalize", "hold")
    gateway.traffic.add_fault(fault)
    poll(fleet)
    fault.discard()

    with pytest.raises(httpx.TransportError):
        fleet.post("/tasks", json=RESULT)
    assert updates_at(server) == 0


def test_each_tasks_result_is_lost_once(gateway: ConductorGateway, fleet: httpx.Client) -> None:
    fault = UpdateFault("Finalize", "status", times=9, once_a_task=True)
    gateway.traffic.add_fault(fault)
    poll(fleet)

    codes = [fleet.post("/tasks", json=RESULT).status_code for _ in range(3)]

    assert (codes, fault.met) == ([503, 200, 200], 1)


def test_a_task_is_delivered_a_second_time_and_no_third(
    gateway: ConductorGateway, fleet: httpx.Client
) -> None:
    gateway.traffic.deliver_twice({"Finalize"})

    answers = [fleet.get("/tasks/poll/batch/Finalize").json() for _ in range(3)]

    assert answers == [[TASK], [TASK], []]
    assert gateway.traffic.delivered_again() == ["t1"]
    gateway.traffic.deliver_twice(())
    assert gateway.traffic.delivered_again() == []
