from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.errors import (
    DockerException,
    ImageNotFound,
)

from trackproof.errors import TestbedError
from trackproof.testbed import docker
from trackproof.testbed.conductor import limits
from trackproof.testbed.conductor.versions import conductor_version
from trackproof.testbed.docker import docker_engine, find_image

VERSION = conductor_version("3.15.0")
PUBLISHED = VERSION.images[0]


class Engine:
    """As much of docker-py's client as is asked; pulls answer with canned events."""

    def __init__(self, *images: str) -> None:
        self.present = set(images)
        self.pulls: dict[str, list[dict[str, str]]] = {}
        self.images = self
        self.api = self

    def get(self, image: str) -> None:
        if image not in self.present:
            raise ImageNotFound(image)

    def pull(self, repository: str, tag: str, **_: Any) -> Iterator[dict[str, str]]:
        if repository not in self.pulls:
            raise DockerException("no route to the registry")
        yield from self.pulls[repository]

    def ping(self) -> None:
        """Answer."""

    def close(self) -> None:
        """Close."""


@pytest.fixture
def present(monkeypatch: pytest.MonkeyPatch) -> Engine:
    fake = Engine()
    monkeypatch.setattr(docker, "DockerClient", lambda **_: type("Client", (), {"client": fake}))
    return fake


@pytest.mark.parametrize("image", [PUBLISHED, VERSION.local_image])
def test_image_that_is_here_is_taken(present: Engine, image: str) -> None:
    present.present.add(image)
    assert find_image(VERSION, report=lambda _: None) == image


def test_published_image_is_preferred(present: Engine) -> None:
    present.present |= {PUBLISHED, VERSION.local_image}
    assert find_image(VERSION, report=lambda _: None) == PUBLISHED


def test_image_that_can_be_pulled_is_pulled(present: Engine) -> None:
    present.pulls[PUBLISHED.partition(":")[0]] = [{"status": "Downloading"}]
    assert find_image(VERSION, report=lambda _: None) == PUBLISHED


def test_unreachable_registry_is_told_with_its_reason(present: Engine) -> None:
    with pytest.raises(TestbedError, match=r"no image of Conductor 3\.15\.0") as failure:
        find_image(VERSION, report=lambda _: None)
    assert "no route to the registry" in failure.value.evidence
    assert VERSION.local_image in failure.value.hint


def test_error_in_the_middle_of_a_pull_is_told(present: Engine) -> None:
    present.pulls[PUBLISHED.partition(":")[0]] = [{"status": "x"}, {"error": "no space left"}]
    with pytest.raises(TestbedError) as failure:
        find_image(VERSION, report=lambda _: None)
    assert "no space left" in failure.value.evidence


def test_pull_is_bounded_in_time(present: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PULL", 0.0)
    present.pulls[PUBLISHED.partition(":")[0]] = [{"status": "x"}] * 3
    with pytest.raises(TestbedError) as failure:
        find_image(VERSION, report=lambda _: None)
    assert "not here after 0 s" in failure.value.evidence


def test_machine_without_an_engine_gets_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(TestbedError, match="no Docker engine answers") as failure, docker_engine():
        pass
    assert "process backend" in failure.value.hint
