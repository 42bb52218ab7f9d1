from __future__ import annotations

from typing import Any

import pytest

from tests.unit.trackproof.testbed.conductor.canned_responses import CONDUCTOR, served
from trackproof.errors import TestbedError, UsageError
from trackproof.testbed.conductor import start
from trackproof.testbed.conductor.server import Backend, ConductorServer
from trackproof.testbed.conductor.start import start_conductor


def server(backend: Backend) -> ConductorServer:
    return ConductorServer(
        api_url="http://127.0.0.1:1/api",
        internal_api_url="http://127.0.0.1:1/api",
        backend=backend,
        version="3.15.0",
        read_log=lambda _: "",
        exit_code=lambda: None,
        end=lambda: None,
    )


@pytest.fixture
def image(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """Hold the image the engine has; None when there is no engine."""
    present: dict[str, str | None] = {"image": "some/image:1"}

    def find_image(*_: Any, **__: Any) -> str:
        if present["image"] is None:
            raise TestbedError("no Docker engine answers on this machine")
        return present["image"]

    monkeypatch.setattr(start, "find_image", find_image)
    monkeypatch.setattr(start, "start_container", lambda *_, **__: server("container"))
    monkeypatch.setattr(start, "start_process", lambda *_, **__: server("process"))
    return present


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.mark.usefixtures("image")
def test_auto_takes_a_container_when_it_can(lines: list[str]) -> None:
    assert start_conductor("auto", report=lines.append).backend == "container"
    assert lines == [
        "Conductor 3.15.0 in a container of some/image:1: a Docker engine and the image are at hand"
    ]


def test_auto_takes_a_process_otherwise_and_says_why(
    image: dict[str, str | None], lines: list[str]
) -> None:
    image["image"] = None
    assert start_conductor("auto", report=lines.append).backend == "process"
    assert lines == ["Conductor 3.15.0 as a process: no Docker engine answers on this machine"]


def test_container_that_was_asked_for_is_never_replaced(image: dict[str, str | None]) -> None:
    image["image"] = None
    with pytest.raises(TestbedError, match="no Docker engine"):
        start_conductor("container")


def test_process_that_was_asked_for_looks_for_no_engine(
    image: dict[str, str | None], lines: list[str]
) -> None:
    assert start_conductor("process", report=lines.append).backend == "process"
    assert lines == ["Conductor 3.15.0 as a process: asked for"]


def test_url_is_connected_to(lines: list[str]) -> None:
    with served(CONDUCTOR) as base:
        assert start_conductor(base, report=lines.append).backend == "url"
        assert lines == [f"Conductor unknown at {base}/api: a running server was given"]


@pytest.mark.parametrize("backend", ["proces", "localhost:8080", ""])
def test_unknown_backend_names_the_known_ones(backend: str) -> None:
    with pytest.raises(UsageError, match="auto, container, process, or give the URL"):
        start_conductor(backend)


@pytest.mark.usefixtures("image")
def test_unknown_version_is_refused_before_anything_is_started() -> None:
    with pytest.raises(UsageError, match="3\\.21\\.14"):
        start_conductor("auto", "9.9")
