from __future__ import annotations

import base64
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from tests.unit.trackproof.testbed.stand_ins.transports import bearer
from trackproof.errors import TestbedError
from trackproof.testbed.stand_ins import Fault, StandIns
from trackproof.wait import wait_until

pytestmark = pytest.mark.slow


def test_each_service_has_a_url_on_one_port(stand_ins: StandIns) -> None:
    with stand_ins.serve() as served:
        assert served.urls == {
            name: f"{served.root_url}/{name}"
            for name in ("daily", "modal", "llm", "zulip", "webhook")
        }
        assert urlsplit(served.root_url).hostname == "127.0.0.1"
        assert httpx.get(f"{served.root_url}/nobody").status_code == 404


def test_port_and_thread_are_released(stand_ins: StandIns) -> None:
    with stand_ins.serve() as served:
        port = urlsplit(served.root_url).port
        thread = f"stand-ins:{port}"
        assert thread in {t.name for t in threading.enumerate()}

    assert thread not in {t.name for t in threading.enumerate()}
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_stand_ins_can_be_served_again_with_the_same_ledger(stand_ins: StandIns) -> None:
    for _ in range(2):
        with stand_ins.serve() as served:
            httpx.post(f"{served.urls['webhook']}/hook")

    assert stand_ins.ledger.count("webhook", status=200) == 2


def test_two_sets_are_independent(stand_ins: StandIns) -> None:
    other = StandIns()
    with stand_ins.serve() as one, other.serve() as two:
        httpx.post(f"{two.urls['webhook']}/hook")

        assert one.root_url != two.root_url
    assert stand_ins.ledger.count() == 0
    assert other.ledger.count() == 1


def test_concurrent_requests_are_answered(stand_ins: StandIns) -> None:
    with stand_ins.serve() as served, ThreadPoolExecutor(8) as callers:
        url = f"{served.urls['webhook']}/hook"
        statuses = list(callers.map(lambda _: httpx.post(url).status_code, range(40)))

    assert statuses == [200] * 40
    assert stand_ins.ledger.count("webhook", status=200) == 40


def test_dropped_connection_closes_without_a_byte(stand_ins: StandIns) -> None:
    stand_ins.faults.add(Fault(service="webhook", drop=True))
    with stand_ins.serve() as served:
        address = ("127.0.0.1", urlsplit(served.root_url).port)
        with socket.create_connection(address, timeout=5) as caller:
            caller.sendall(b"POST /webhook/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")

            assert caller.recv(1024) == b""


def test_stop_does_not_wait_for_delayed_responses(
    stand_ins: StandIns, caplog: pytest.LogCaptureFixture
) -> None:
    stand_ins.faults.add(Fault(service="webhook", delay=60))
    with stand_ins.serve() as served, socket.socket() as caller:
        caller.connect(("127.0.0.1", urlsplit(served.root_url).port))
        caller.sendall(b"POST /webhook/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        wait_until(stand_ins.ledger.count, what="the request to arrive", timeout=5)

    assert stand_ins.ledger.requests()[0].answered_at is None
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_chunked_body_is_recorded_whole(stand_ins: StandIns) -> None:
    with stand_ins.serve() as served:
        pieces = [b"x" * 100_000, b"y" * 100_000]
        httpx.post(f"{served.urls['webhook']}/hook", content=iter(pieces))

    assert stand_ins.webhook.deliveries()[0].body == b"".join(pieces)


def test_foreign_address_is_an_error(stand_ins: StandIns) -> None:
    with (
        pytest.raises(TestbedError, match=r"cannot listen on 203\.0\.113\.1"),
        stand_ins.serve("203.0.113.1"),
    ):
        pass


def test_admin_api_sets_lists_and_clears_faults(stand_ins: StandIns) -> None:
    with stand_ins.serve() as served, httpx.Client(base_url=served.admin_url) as admin:
        one = {"service": "webhook", "status": 500, "times": 2}
        two = {"service": "zulip", "drop": True}

        assert admin.post("/faults", json=one).status_code == 201
        assert len(admin.post("/faults", json=[two]).json()["faults"]) == 2
        assert httpx.post(f"{served.urls['webhook']}/x").status_code == 500
        assert [f["times"] for f in admin.get("/faults").json()["faults"]] == [1, None]
        assert admin.delete("/faults").json() == {"faults": []}
        assert httpx.post(f"{served.urls['webhook']}/x").status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"service": "webhook"}',
        b'{"service": "nobody", "status": 500}',
        b'[{"service": "webhook", "status": 500, "x": 1}]',
    ],
)
def test_invalid_admin_request_changes_nothing(stand_ins: StandIns, content: bytes) -> None:
    with stand_ins.serve() as served:
        answer = httpx.post(f"{served.admin_url}/faults", content=content)

    assert answer.status_code == 400
    assert answer.json()["error"]
    assert stand_ins.faults.active() == []


def test_admin_api_returns_the_ledger(stand_ins: StandIns) -> None:
    with stand_ins.serve() as served:
        httpx.post(f"{served.urls['webhook']}/in", content=b"\xff\x00")
        httpx.get(
            f"{served.urls['daily']}/recordings/rec-1",
            headers=bearer(stand_ins.credentials.daily_key),
        )
        url = f"{served.admin_url}/requests"
        everything = httpx.get(url).json()["requests"]
        some = httpx.get(url, params={"service": "webhook", "path": "/i*"}).json()["requests"]

    assert [entry["service"] for entry in everything] == ["webhook", "daily"]
    assert base64.b64decode(some[0]["body_base64"]) == b"\xff\x00"
    assert some[0]["status"] == 200
