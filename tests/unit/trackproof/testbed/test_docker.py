from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.errors import DockerException, ImageNotFound

from trackproof.errors import TestbedError
from trackproof.testbed import docker
from trackproof.testbed.conductor.container.image import find_image
from trackproof.testbed.conductor.versions import conductor_version
from trackproof.testbed.docker import docker_engine

VERSION = conductor_version("3.15.0")
PUBLISHED = VERSION.images[0]
REPOSITORY = PUBLISHED.partition(":")[0]


class FakeEngine:
    """The used part of docker-py's client; pulls yield canned events."""

    def __init__(self) -> None:
        self.local: set[str] = set()
        self.pulls: dict[str, list[dict[str, str]]] = {}
        self.images = self
        self.api = self

    def get(self, image: str) -> None:
        if image not in self.local:
            raise ImageNotFound(image)

    def pull(self, repository: str, tag: str, **_: Any) -> Iterator[dict[str, str]]:
        if repository not in self.pulls:
            raise DockerException("no route to the registry")
        yield from self.pulls[repository]

    def ping(self) -> None:
        """Succeed."""

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr(docker, "DockerClient", lambda **_: type("Client", (), {"client": fake}))
    return fake


def find() -> str:
    return find_image(VERSION, report=lambda _: None)


def test_local_image_is_used_without_a_pull(engine: FakeEngine) -> None:
    engine.local.add(VERSION.local_image)

    assert find() == VERSION.local_image


def test_published_image_is_preferred(engine: FakeEngine) -> None:
    engine.local |= {PUBLISHED, VERSION.local_image}

    assert find() == PUBLISHED


def test_missing_image_is_pulled(engine: FakeEngine) -> None:
    engine.pulls[REPOSITORY] = [{"status": "Downloading"}]

    assert find() == PUBLISHED


def test_unreachable_registry_is_an_error_with_its_reason(engine: FakeEngine) -> None:
    with pytest.raises(TestbedError, match=r"no image of Conductor 3\.15\.0") as caught:
        find()

    assert "no route to the registry" in caught.value.evidence
    assert VERSION.local_image in caught.value.hint


def test_error_during_a_pull_is_reported(engine: FakeEngine) -> None:
    engine.pulls[REPOSITORY] = [{"status": "x"}, {"error": "no space left"}]

    with pytest.raises(TestbedError) as caught:
        find()

    assert "no space left" in caught.value.evidence


def test_pull_has_a_time_limit(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "PULL_SECONDS", 0.0)
    engine.pulls[REPOSITORY] = [{"status": "x"}] * 3

    with pytest.raises(TestbedError) as caught:
        find()

    assert "not pulled after 0 s" in caught.value.evidence


def test_missing_engine_is_an_error_with_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")

    with pytest.raises(TestbedError, match="no Docker engine answers") as caught, docker_engine():
        pass

    assert "process backend" in caught.value.hint
