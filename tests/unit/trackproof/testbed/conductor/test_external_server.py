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


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://localhost:8080", "http://localhost:8080/api"),
        ("http://localhost:8080/", "http://localhost:8080/api"),
        ("http://localhost:8080/api", "http://localhost:8080/api"),
        ("http://localhost:8080/api/", "http://localhost:8080/api"),
        ("http://localhost:8080//api//", "http://localhost:8080/api"),
        (" https://conductor.example \n", "https://conductor.example/api"),
        ("http://mapi", "http://mapi/api"),
        ("http://pia/api", "http://pia/api"),
        ("http://ip/api/", "http://ip/api"),
        ("http://api", "http://api/api"),
        ("http://api.pipa:80/", "http://api.pipa:80/api"),
        ("http://host/tools/conductor", "http://host/tools/conductor/api"),
        ("http://host/papi", "http://host/papi/api"),
        ("http://[::1]:8080/api", "http://[::1]:8080/api"),
    ],
)
def test_address_gets_exactly_one_api_at_its_end(given: str, expected: str) -> None:
    assert normalised_api_url(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "",
        "localhost:8080",
        "ftp://localhost",
        "http://",
        "http://host:port",
        "http://host:99999",
        "http://host/?x=1",
        "http://host/#top",
        "proces",
    ],
)
def test_what_is_no_address_is_a_usage_error(given: str) -> None:
    with pytest.raises(UsageError, match="is not the address of a server"):
        normalised_api_url(given)


@pytest.mark.parametrize("ending", ["", "/", "/api", "/api/"])
def test_running_server_is_taken_as_it_is(ending: str) -> None:
    with served(CONDUCTOR) as base, connect(base + ending) as server:
        assert server.api_url == server.internal_api_url == f"{base}/api"
        assert server.backend == "url"
        assert server.version == "unknown"
        assert server.alive


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/api/version", "3.32.3"),
        ("/api/admin/config", '{"java.class.path": "/x/conductor-server-3.32.3-boot.jar"}'),
        ("/api/admin/config", '{"sun.java.command": "conductor-community-server-3.32.3.jar"}'),
    ],
)
def test_version_is_found_where_the_server_tells_it(path: str, text: str) -> None:
    with served({**CONDUCTOR, path: (200, "text/plain", text)}) as base:
        assert connect(base).version == "3.32.3"


@pytest.mark.parametrize(
    ("answers", "otherwise", "seen", "hint"),
    [
        ({}, UI_PAGE, "200 text/html", "UI"),
        ({}, NOT_THERE, "404", "no Conductor at this path"),
        ({}, CRASH, "500", "log"),
        ({}, (401, "text/plain", "who are you"), "401", "credentials"),
        ({}, (503, "application/json", '{"healthy": false}'), "503", "not healthy"),
        ({"/health": CONDUCTOR["/health"]}, NOT_THERE, "/api/metadata/taskdefs: 404", "path"),
        ({"/health": CONDUCTOR["/health"]}, UI_PAGE, "/api/metadata/taskdefs: 200", "UI"),
        ({"/api/metadata/taskdefs": NO_TASKS}, NOT_THERE, "/health: 404", "/health"),
    ],
)
def test_what_answers_but_is_no_conductor_is_told(
    answers: dict[str, Answer], otherwise: Answer, seen: str, hint: str
) -> None:
    with served(answers, otherwise) as base, pytest.raises(TestbedError) as failure:
        connect(base)
    assert failure.value.what == f"no usable Conductor answers at {base}/api"
    assert seen in failure.value.evidence
    assert hint in failure.value.hint


def test_refused_connection_is_told_at_once() -> None:
    url = closed_port()
    started = time.monotonic()
    with pytest.raises(TestbedError, match="refused") as failure:
        connect(url)
    assert time.monotonic() - started < 6
    assert failure.value.hint == "start the server, or correct host and port"


def test_silent_server_is_given_up_in_time() -> None:
    started = time.monotonic()
    with silent_port() as url, pytest.raises(TestbedError, match="no answer within") as failure:
        connect(url, timeout=0.4)
    assert time.monotonic() - started < 6
    assert "firewall" in failure.value.hint


def test_slow_name_resolution_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
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
