from __future__ import annotations

import asyncio
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import httpx
import pytest

from tests.unit.trackproof.testbed.stand_ins.transports import bearer
from trackproof.testbed.stand_ins import Fault, StandIns


def test_base_url_may_have_a_path(stand_ins: StandIns) -> None:
    urls = {"daily": "https://api.daily.co/v1/", "webhook": "http://hooks.test/in"}

    with stand_ins.in_process(urls):
        recording = httpx.get(
            "https://api.daily.co/v1/recordings/rec-1",
            headers=bearer(stand_ins.credentials.daily_key),
        )
        httpx.post("http://hooks.test/in")

    assert recording.json()["id"] == "rec-1"
    assert [r.path for r in stand_ins.ledger.requests()] == ["/recordings/rec-1", "/"]


def test_longer_path_segment_is_not_below_the_base_url(stand_ins: StandIns) -> None:
    with (
        stand_ins.in_process({"webhook": "http://hooks.test/in"}),
        pytest.raises(AssertionError, match="not mocked"),
    ):
        httpx.post("http://hooks.test/inside")


def test_request_to_the_network_fails(stand_ins: StandIns) -> None:
    with stand_ins.in_process(), pytest.raises(AssertionError, match="not mocked"):
        httpx.get("https://example.com/")


async def test_async_request_to_the_network_fails(stand_ins: StandIns) -> None:
    with stand_ins.in_process():
        async with httpx.AsyncClient() as client:
            with pytest.raises(AssertionError, match="not mocked"):
                await client.get("https://example.com/")


def test_request_to_loopback_passes_through(stand_ins: StandIns) -> None:
    class Hello(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Hello) as server:
        thread = Thread(target=server.handle_request, daemon=True)
        thread.start()
        with stand_ins.in_process():
            answer = httpx.get(f"http://127.0.0.1:{server.server_port}/")
        thread.join()

    assert answer.status_code == 204


async def test_sync_client_works_inside_a_running_event_loop(stand_ins: StandIns) -> None:
    with stand_ins.in_process() as inside:
        answer = httpx.post(f"{inside.urls['webhook']}/hook")

    assert answer.status_code == 200


async def test_delayed_response_does_not_block_the_event_loop(stand_ins: StandIns) -> None:
    stand_ins.faults.add(Fault(service="webhook", path="/slow", delay=30))
    with stand_ins.in_process() as inside:
        async with httpx.AsyncClient(base_url=inside.urls["webhook"], timeout=None) as client:
            slow = asyncio.ensure_future(client.post("/slow"))
            quick = await client.post("/quick")
            slow.cancel()
            await asyncio.gather(slow, return_exceptions=True)

    assert quick.status_code == 200


def test_block_end_restores_the_network(stand_ins: StandIns) -> None:
    with stand_ins.in_process({"webhook": "http://127.0.0.1:9/in"}) as inside:
        assert httpx.post(inside.urls["webhook"]).status_code == 200

    with pytest.raises(httpx.ConnectError):
        httpx.post(inside.urls["webhook"])


def test_base_url_for_an_unknown_service_is_invalid(stand_ins: StandIns) -> None:
    with (
        pytest.raises(ValueError, match=r"unknown services: \['whereby'\]"),
        stand_ins.in_process({"whereby": "http://x"}),
    ):
        pass
