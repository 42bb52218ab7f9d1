from __future__ import annotations

import threading
import time

import pytest

from tests.unit.trackproof.testbed.conductor.canned_responses import (
    CONDUCTOR,
    CRASH,
    NO_TASKS,
    NOT_THERE,
    UI_PAGE,
    Answer,
    closed_port,
    served,
    silent_port,
)
from trackproof.errors import TestbedError, UsageError
from trackproof.testbed.conductor.external_server import connect, normalised_api_url

API_URLS = {
    "http://localhost:8080": "http://localhost:8080/api",
    "http://localhost:8080/api/": "http://localhost:8080/api",
    "http://localhost:8080//api//": "http://localhost:8080/api",
    " https://conductor.example \n": "https://conductor.example/api",
    "http://mapi": "http://mapi/api",
    "http://ip/api/": "http://ip/api",
    "http://api": "http://api/api",
    "http://host/tools/conductor": "http://host/tools/conductor/api",
    "http://host/papi": "http://host/papi/api",
    "http://[::1]:8080/api": "http://[::1]:8080/api",
}


def test_url_gets_exactly_one_api_at_its_end() -> None:
    assert {url: normalised_api_url(url) for url in API_URLS} == API_URLS


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8080", "ftp://localhost", "http://", "http://host:99999", "http://host/?x=1"],
)
def test_invalid_url_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="is not the address of a server"):
        normalised_api_url(url)


def test_running_server_is_used_as_it_is() -> None:
    with served(CONDUCTOR) as base, connect(base) as server:
        assert server.api_url == server.internal_api_url == f"{base}/api"
        assert server.backend == "url"
        assert server.version == "unknown"
        assert server.poll() is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/api/version", "3.32.3"),
        ("/api/admin/config", '{"java.class.path": "/x/conductor-server-3.32.3-boot.jar"}'),
        ("/api/admin/config", '{"sun.java.command": "conductor-community-server-3.32.3.jar"}'),
    ],
)
def test_version_is_read_from_either_endpoint(path: str, text: str) -> None:
    with served({**CONDUCTOR, path: (200, "text/plain", text)}) as base:
        assert connect(base).version == "3.32.3"


@pytest.mark.parametrize(
    ("responses", "default", "evidence", "hint"),
    [
        ({}, UI_PAGE, "200 text/html", "UI"),
        ({}, NOT_THERE, "404", "no Conductor at this path"),
        ({}, CRASH, "500", "log"),
        ({}, (401, "text/plain", "log in"), "401", "credentials"),
        ({}, (503, "application/json", '{"healthy": false}'), "503", "health check is negative"),
        ({"/health": CONDUCTOR["/health"]}, NOT_THERE, "/api/metadata/taskdefs: 404", "path"),
        ({"/health": CONDUCTOR["/health"]}, UI_PAGE, "/api/metadata/taskdefs: 200", "UI"),
        ({"/api/metadata/taskdefs": NO_TASKS}, NOT_THERE, "/health: 404", "/health"),
    ],
)
def test_server_that_is_no_conductor_is_an_error_with_its_response(
    responses: dict[str, Answer], default: Answer, evidence: str, hint: str
) -> None:
    with served(responses, default) as base, pytest.raises(TestbedError) as failure:
        connect(base)
    assert failure.value.what == f"no usable Conductor answers at {base}/api"
    assert evidence in failure.value.evidence
    assert hint in failure.value.hint


def test_refused_connection_fails_at_once() -> None:
    url = closed_port()
    started = time.monotonic()
    with pytest.raises(TestbedError, match="refused") as failure:
        connect(url)
    assert time.monotonic() - started < 6
    assert failure.value.hint == "start the server, or correct host and port"


def test_silent_server_fails_at_the_time_limit() -> None:
    started = time.monotonic()
    with silent_port() as url, pytest.raises(TestbedError, match="no answer within") as failure:
        connect(url, timeout=0.4)
    assert time.monotonic() - started < 6
    assert "firewall" in failure.value.hint


def test_time_limit_includes_name_resolution(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(*_: object, **__: object) -> None:
        released.wait(10)
        raise OSError("no such host")

    monkeypatch.setattr("socket.getaddrinfo", hang)
    started = time.monotonic()
    with pytest.raises(TestbedError, match="no answer within"):
        connect("http://nowhere.example", timeout=0.3)
    assert time.monotonic() - started < 6
    released.set()
