"""The Docker engine of this machine: does it answer, and has it a Conductor image?"""

from __future__ import annotations

import contextlib
import gc
import time
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import requests
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.docker_client import DockerClient

from trackproof.errors import TestbedError
from trackproof.testbed.conductor import limits
from trackproof.testbed.conductor.process.jar import Report
from trackproof.testbed.conductor.versions import ConductorVersion

Engine = Any
"""docker.DockerClient; docker-py carries no types."""

PULL_REPORT_SECONDS = 5.0


@contextlib.contextmanager
def docker_engine(*, timeout: float = limits.ENGINE) -> Iterator[Engine]:
    """Open a connection to the engine that testcontainers would use.

    Raises:
        TestbedError: No engine answers.
    """
    try:
        client = DockerClient(timeout=timeout).client
        client.ping()
    except (DockerException, requests.RequestException, OSError) as error:
        _close_leaked_sockets(error)
        raise TestbedError(
            "no Docker engine answers on this machine",
            evidence=str(error),
            hint="start Docker and see that this user may use it (`docker info`), or choose the "
            "process backend",
        ) from error
    with contextlib.closing(client):
        yield client


def _close_leaked_sockets(error: BaseException) -> None:
    """Let go of the socket docker-py leaves open in its frames when it cannot connect."""
    cause: BaseException | None = error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        while cause:
            traceback.clear_frames(cause.__traceback__)
            cause = cause.__context__
        gc.collect()


def find_image(version: ConductorVersion, *, report: Report) -> str:
    """Return an image of `version`: one that is here already, else one that can be pulled.

    Raises:
        TestbedError: No engine, or no image to be had within the time limit.
    """
    with docker_engine(timeout=limits.PULL_SILENCE) as client:
        for image in (*version.images, version.local_image):
            if has_image(client, image):
                return image
        failures = []
        for image in version.images:
            try:
                _pull(client, image, report)
            except (DockerException, requests.RequestException, TimeoutError) as error:
                failures.append(f"{image}: {error}")
            else:
                return image
    raise TestbedError(
        f"no image of Conductor {version.name} is here or can be pulled",
        evidence="\n".join(failures),
        hint=f"build one from the published jar (docs/conductor.md) as {version.local_image}, or "
        "choose the process backend",
    )


def has_image(client: Engine, image: str) -> bool:
    """Whether the engine holds the image already."""
    try:
        client.images.get(image)
    except ImageNotFound:
        return False
    return True


def _pull(client: Engine, image: str, report: Report) -> None:
    """Pull one image; raise when the engine says it cannot or the time is over."""
    repository, _, tag = image.rpartition(":")
    started = time.monotonic()
    reported = started
    for event in client.api.pull(repository, tag=tag, stream=True, decode=True):
        if "error" in event:
            raise DockerException(event["error"])
        now = time.monotonic()
        if now - started > limits.PULL:
            raise TimeoutError(f"not here after {limits.PULL:g} s")
        if now - reported > PULL_REPORT_SECONDS:
            reported = now
            report(f"pulling {image}: {now - started:.0f} s")
