from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from reference_workers.platform.api.conductor_status import Conductor
from reference_workers.platform.api.health import Health, HealthCheck
from reference_workers.settings import Settings
from tests.integration.api.api_process import ServedApi, serve_api
from tests.integration.api.hostile_clients import (
    Behaviour,
    answering,
    answering_json,
    dripping,
    hanging_after,
    misbehaving,
    pouring,
)
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID
from trackproof.testbed.conductor import start_process
from trackproof.wait import wait_until

HEALTHY = '{"healthResults": [], "suppressedHealthResults": [], "healthy": true}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def api_of(settings: Settings, url: str) -> Iterator[ServedApi]:
    """Serve an API with a Conductor URL."""
    with serve_api(settings.model_copy(update={"conductor_server_url": url})) as api:
        yield api


async def checked(url: str) -> Health:
    """Return the health of the Conductor at a URL."""
    async with aclosing(Conductor(url)) as conductor:
        return await HealthCheck(conductor).health()


@pytest.mark.parametrize(
    ("behaviour", "connected", "cause"),
    [
        pytest.param(hanging_after(b""), False, "no answer within 1.5 s", id="hangs"),
        pytest.param(hanging_after(HEAD), False, "no answer within 1.5 s", id="hangs-in-headers"),
        pytest.param(
            hanging_after(HEAD + b"Content-Length: 99\r\n\r\n{"),
            False,
            "no answer within 1.5 s",
            id="hangs-in-body",
        ),
        pytest.param(
            dripping(HEAD + b"X-Drip: ", b"x"), False, "no answer within 1.5 s", id="drips-headers"
        ),
        pytest.param(
            dripping(HEAD + b"Content-Length: 9999\r\n\r\n", b" "),
            False,
            "no answer within 1.5 s",
            id="drips-body",
        ),
        pytest.param(
            pouring(HEAD + b"Content-Length: 99999999999\r\n\r\n"),
            False,
            "answered with more than 4,000,000 bytes",
            id="pours",
        ),
        pytest.param(answering(b""), False, "connection lost", id="hangs-up"),
        pytest.param(answering(b"SSH-2.0-OpenSSH\r\n"), False, "connection lost", id="not-http"),
        pytest.param(
            answering(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"),
            False,
            "answered 200 with text/html instead of JSON; is CONDUCTOR_SERVER_URL right?",
            id="html",
        ),
        pytest.param(
            answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n\r\n"),
            False,
            "answered 302, a redirect",
            id="redirects",
        ),
        pytest.param(answering_json("[]"), False, "JSON that is not an object", id="no-object"),
        pytest.param(answering_json("[" * 100_000), False, "instead of JSON", id="deep"),
        pytest.param(
            answering_json('{"status": 404, "error": "Not Found"}', "404 Not Found"),
            False,
            "answered 404 without `healthy`",
            id="wrong-path",
        ),
        pytest.param(
            answering_json('{"healthy": false, "healthResults": [{"details": "disk full"}]}'),
            True,
            "disk full",
            id="unhealthy",
        ),
        pytest.param(
            answering_json(HEALTHY, "500 Oops"), True, "reports healthy, but answered 500", id="500"
        ),
    ],
)
async def test_the_error_states_the_cause(
    behaviour: Behaviour, connected: bool, cause: str
) -> None:
    with misbehaving(behaviour) as port:
        health = await checked(f"http://127.0.0.1:{port}/api")

    assert (health.status, health.connected, health.version) == ("unhealthy", connected, None)
    assert cause in (health.error or "")


def test_a_hanging_conductor_is_503_in_the_seeds_shape(settings: Settings) -> None:
    with (
        misbehaving(hanging_after(b"")) as port,
        api_of(settings, f"http://127.0.0.1:{port}/api") as api,
    ):
        answer = api.get("/conductor/health")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unhealthy",
        "connected": False,
        "error": f"Conductor at 127.0.0.1:{port}: no answer within 1.5 s",
        "version": None,
        "milliseconds": answer.json()["milliseconds"],
    }


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("http://127.0.0.1:9/api", "Conductor at 127.0.0.1:9: connection refused"),
        ("http://nowhere.invalid/api", "Conductor at nowhere.invalid: unknown host name"),
        ("ftp://127.0.0.1/api", "invalid URL; is CONDUCTOR_SERVER_URL right?"),
    ],
)
async def test_an_unreachable_server_is_named(url: str, cause: str) -> None:
    health = await checked(url)

    assert (health.status, health.connected) == ("unhealthy", False)
    assert cause in (health.error or "")


async def test_a_dns_failure_is_not_an_unknown_host_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    health = await checked("http://conductor.test/api")

    assert "DNS lookup failed (Temporary failure" in (health.error or "")


async def test_a_tls_failure_is_reported() -> None:
    with misbehaving(answering(b"\x15\x03\x01 this is no TLS")) as port:
        health = await checked(f"https://127.0.0.1:{port}/api")

    assert "TLS verification failed" in (health.error or "")


async def test_errors_do_not_contain_secrets_of_the_url() -> None:
    health = await checked("http://user:hunter2@127.0.0.1:9/api?key=hunter2")

    assert health.status == "unhealthy"
    assert "hunter2" not in (health.error or "")


def test_a_hanging_dns_lookup_uses_one_thread(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    over, lookups, real = threading.Event(), [], socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if host != "hangs.test":
            return real(host, *arguments, **options)
        lookups.append(host)
        over.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with api_of(settings, "http://hangs.test/api") as api:
        try:
            answers = [api.get("/conductor/health").json() for _ in range(3)]
            meanwhile = api.get(f"/transcripts/{TRANSCRIPT_ID}")
        finally:
            over.set()

    assert {answer["status"] for answer in answers} == {"unhealthy"}
    assert "no DNS answer for 'hangs.test' within 1.5 s" in answers[-1]["error"]
    assert lookups == ["hangs.test"]
    assert meanwhile.status_code == 200


def test_a_closed_keep_alive_connection_is_not_unhealthy(settings: Settings) -> None:
    # Each connection is closed after its answer although keep-alive was announced.
    with (
        misbehaving(answering_json(HEALTHY)) as port,
        api_of(settings, f"http://127.0.0.1:{port}/api") as api,
    ):
        answers = [api.get("/conductor/health").json() for _ in range(20)]

    assert [answer["error"] for answer in answers] == [None] * 20


async def test_concurrent_callers_share_one_request(settings: Settings) -> None:
    requests: list[bytes] = []
    answer = threading.Event()

    def behave(connection: socket.socket, over: threading.Event) -> None:
        requests.append(connection.recv(65_536))
        answer.wait(20)
        answering_json(HEALTHY)(connection, over)

    with misbehaving(behave) as port, api_of(settings, f"http://127.0.0.1:{port}/api") as api:
        async with httpx.AsyncClient(base_url=api.url, timeout=20, trust_env=False) as http:
            calls = [asyncio.create_task(http.get("/conductor/health")) for _ in range(50)]
            cancelled = calls.pop(0)
            await asyncio.to_thread(wait_until, lambda: requests, what="the request", timeout=10)
            cancelled.cancel()  # must not cancel the others
            answer.set()
            answers = await asyncio.gather(*calls)

    assert {response.status_code for response in answers} <= {200, 503}
    health_requests = [text for text in requests if b"GET /health" in text]
    assert len(health_requests) < 25


@pytest.mark.conductor
def test_a_conductor_that_is_up_stopped_and_killed(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "conductor"
    with (
        start_process("3.15.0", report=lambda _: None, folder=folder) as server,
        api_of(settings, server.api_url) as api,
    ):
        up = api.get("/conductor/health")
        java = _java_in(folder)
        java.send_signal(signal.SIGSTOP)
        wait_until(lambda: java.status() == psutil.STATUS_STOPPED, what="Java to stop", timeout=10)
        stopped = api.get("/conductor/health")
        java.send_signal(signal.SIGCONT)
        again = wait_until(
            lambda: answer if (answer := api.get("/conductor/health")).is_success else None,
            what="Conductor to be seen healthy again",
            timeout=20,
        )
        java.kill()
        java.wait(10)
        killed = api.get("/conductor/health")

    assert up.status_code == 200
    assert up.json() == {
        "status": "healthy",
        "connected": True,
        "error": None,
        "version": "3.15.0",
        "milliseconds": up.json()["milliseconds"],
    }
    assert again.json()["version"] == "3.15.0"
    assert (stopped.status_code, killed.status_code) == (503, 503)
    assert "no answer within" in stopped.json()["error"]
    assert "connection refused" in killed.json()["error"]


def _java_in(folder: Path) -> psutil.Process:
    """Return the Java process with this working folder."""
    for process in psutil.Process(os.getpid()).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # others end meanwhile
            if process.name() == "java" and process.cwd() == str(folder):
                return process
    raise AssertionError(f"no java process in {folder}")
