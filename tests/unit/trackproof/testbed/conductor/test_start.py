from __future__ import annotations

from typing import Any

import pytest

from tests.unit.trackproof.testbed.conductor.canned_responses import CONDUCTOR, served
from trackproof.errors import TestbedError, UsageError
from trackproof.testbed.conductor import start
from trackproof.testbed.conductor.process.backend import merged_arguments
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
def engine(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """Fake the backends; `image` is the engine's image, None for no engine."""
    state: dict[str, str | None] = {"image": "some/image:1"}

    def find_image(*_: Any, **__: Any) -> str:
        if state["image"] is None:
            raise TestbedError("no Docker engine answers on this machine")
        return state["image"]

    monkeypatch.setattr(start, "find_image", find_image)
    monkeypatch.setattr(start, "start_container", lambda *_, **__: server("container"))
    monkeypatch.setattr(start, "start_process", lambda *_, **__: server("process"))
    return state


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.mark.usefixtures("engine")
def test_auto_prefers_a_container(lines: list[str]) -> None:
    assert start_conductor("auto", report=lines.append).backend == "container"
    assert lines == [
        "Conductor 3.15.0 in a container of some/image:1: a Docker engine has the image"
    ]


def test_auto_falls_back_to_a_process_with_the_reason(
    engine: dict[str, str | None], lines: list[str]
) -> None:
    engine["image"] = None

    assert start_conductor("auto", report=lines.append).backend == "process"
    assert lines == ["Conductor 3.15.0 as a process: no Docker engine answers on this machine"]


def test_explicit_container_has_no_fallback(engine: dict[str, str | None]) -> None:
    engine["image"] = None

    with pytest.raises(TestbedError, match="no Docker engine"):
        start_conductor("container")


def test_explicit_process_needs_no_engine(engine: dict[str, str | None], lines: list[str]) -> None:
    engine["image"] = None

    assert start_conductor("process", report=lines.append).backend == "process"
    assert lines == ["Conductor 3.15.0 as a process: as requested"]


def test_url_connects_to_a_running_server(lines: list[str]) -> None:
    with served(CONDUCTOR) as base:
        assert start_conductor(base, report=lines.append).backend == "url"
        assert lines == [f"Conductor unknown at {base}/api: given by its URL"]


@pytest.mark.parametrize("backend", ["proces", "localhost:8080", ""])
def test_unknown_backend_is_an_error_with_the_known_ones(backend: str) -> None:
    with pytest.raises(UsageError, match="auto, container, process, durable, or give the URL"):
        start_conductor(backend)


@pytest.mark.usefixtures("engine")
def test_unknown_version_is_an_error_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown Conductor version 9\.9") as caught:
        start_conductor("auto", "9.9")

    assert "3.21.14" in caught.value.hint


def test_a_preferred_argument_replaces_one_with_the_same_name() -> None:
    merged = merged_arguments(["--a.b=1", "--c=2"], ["--a.b=3", "--d=x=y"])

    assert merged == ["--a.b=3", "--c=2", "--d=x=y"]


def test_only_the_version_with_a_durable_store_is_started_durably() -> None:
    with pytest.raises(UsageError, match=r"3\.32\.3 cannot be started with a durable store"):
        start_conductor("durable", "3.32.3")
