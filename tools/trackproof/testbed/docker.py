"""Docker: the engine of this machine, its images, and containers that never outlive the run."""

from __future__ import annotations

import contextlib
import gc
import sys
import tempfile
import time
import traceback
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import requests
from docker.errors import DockerException, ImageNotFound, NotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.exceptions import ContainerStartException

from trackproof.errors import TestbedError
from trackproof.testbed import reaper
from trackproof.testbed.processes import ManagedProcess
from trackproof.testbed.stoppable import Stoppable
from trackproof.wait import wait_until

Engine = Any
"""docker.DockerClient; docker-py carries no types."""

LABEL = "trackproof.server"
"""Label of every container that this package starts."""

ENGINE_SECONDS = 5.0
"""One request to the engine."""
PULL_SECONDS = 180.0
"""The pull of one image."""
PULL_READ_SECONDS = 20.0
"""Silence of the engine during a pull."""
PULL_REPORT_SECONDS = 5.0
REAPER_SECONDS = 20.0
"""Start of the reaper, which loads the Docker client."""

KILLED = 137
"""Exit code of a container that was removed: 128 + SIGKILL."""
ALIVE = frozenset({"created", "running", "restarting"})


@contextlib.contextmanager
def docker_engine(*, timeout: float = ENGINE_SECONDS) -> Iterator[Engine]:
    """Open a connection to the engine that testcontainers would use.

    Raises:
        TestbedError: No engine answers within `timeout` seconds.
    """
    try:
        client = DockerClient(timeout=timeout).client
        client.ping()
    except (DockerException, requests.RequestException, OSError) as error:
        _close_leaked_sockets(error)
        raise TestbedError(
            "no Docker engine answers on this machine",
            evidence=str(error),
            hint="start Docker and check that this user may use it (`docker info`), or choose the "
            "process backend",
        ) from error
    with contextlib.closing(client):
        yield client


def _close_leaked_sockets(error: BaseException) -> None:
    """Close the socket that docker-py keeps in its frames when it cannot connect."""
    cause: BaseException | None = error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        while cause:
            traceback.clear_frames(cause.__traceback__)
            cause = cause.__context__
        gc.collect()


def has_image(engine: Engine, image: str) -> bool:
    """Return whether the engine holds the image, without a pull."""
    try:
        engine.images.get(image)
    except ImageNotFound:
        return False
    return True


def pull_image(engine: Engine, image: str, report: Callable[[str], None]) -> None:
    """Pull one image.

    Args:
        engine: Opened with a timeout of `PULL_READ_SECONDS`.
        image: Name with tag.
        report: Receives a line of progress every few seconds.

    Raises:
        DockerException: The engine or the registry refused.
        TimeoutError: It took longer than `PULL_SECONDS`.
    """
    repository, _, tag = image.rpartition(":")
    started = time.monotonic()
    reported = started
    for event in engine.api.pull(repository, tag=tag, stream=True, decode=True):
        if "error" in event:
            raise DockerException(event["error"])
        now = time.monotonic()
        if now - started > PULL_SECONDS:
            raise TimeoutError(f"not pulled after {PULL_SECONDS:g} s")
        if now - reported > PULL_REPORT_SECONDS:
            reported = now
            report(f"pulling {image}: {now - started:.0f} s")


class ManagedContainer(Stoppable):
    """A container that is removed when this process ends, SIGKILL included.

    The Docker daemon outlives this process. A reaper process, started before the container,
    removes every container with the label as soon as this process is gone.
    """

    def __init__(self, container: DockerContainer, **options: Any) -> None:
        """Label `container` and start its reaper.

        Args:
            container: Configured, not started.
            options: Further keyword arguments of `docker run`, such as `network_mode`.

        Raises:
            TestbedError: No engine answers, or the reaper did not start.
        """
        _disable_missing_ryuk()
        value = str(uuid.uuid4())
        self._container = container.with_kwargs(labels={LABEL: value}, **options)
        self._final_log: str | None = None
        self._reaper = start_reaper(f"{LABEL}={value}")

    def start(self) -> Self:
        """Start the container; when that fails, remove it and raise testcontainers' error."""
        try:
            self._container.start()
        except BaseException:
            self.stop()
            raise
        return self

    def exit_code(self) -> int | None:
        """Return the container's exit code, None while it runs, `KILLED` once it is removed."""
        if self._final_log is not None:
            return KILLED
        container = self._container.get_wrapped_container()
        try:
            container.reload()
        except NotFound:
            return KILLED
        return None if container.status in ALIVE else int(container.attrs["State"]["ExitCode"])

    def request_end(self) -> None:
        """Send SIGTERM to the container's main process."""
        self._container.get_wrapped_container().kill(signal="SIGTERM")

    def log(self, lines: int | None = None) -> str:
        """Return the last `lines` of the log, all by default; also after `stop`."""
        text = self._read_log() if self._final_log is None else self._final_log
        return text if lines is None else "\n".join(text.splitlines()[-lines:])

    def _read_log(self) -> str:
        try:
            container = self._container.get_wrapped_container()
            return bytes(container.logs()).decode(errors="replace")
        except ContainerStartException:  # it has not started
            return ""
        except DockerException as error:
            return f"(the log could not be read: {error})"

    def stop(self) -> None:
        """Remove the container and end its reaper; a second call does nothing."""
        if self._final_log is not None:
            return
        self._final_log = self._read_log()
        try:
            with contextlib.suppress(NotFound):  # somebody else removed it
                self._container.stop()
        finally:
            self._reaper.stop()


def start_reaper(label: str) -> ManagedProcess:
    """Start the process that removes containers with `label`, given as `name=value`.

    Raises:
        TestbedError: It ended at once.
        DeadlineError: It was not ready within `REAPER_SECONDS`.
    """
    with tempfile.TemporaryDirectory(prefix="trackproof-reaper-") as folder:
        process = ManagedProcess(
            "container reaper",
            # -P: `import docker` must not find the docker.py beside reaper.py
            [sys.executable, "-P", reaper.__file__, label],
            log_path=Path(folder) / "reaper.log",
        )
        try:
            wait_until(
                lambda: process.poll() is not None or reaper.READY in process.tail(),
                what="the container reaper to start",
                timeout=REAPER_SECONDS,
                evidence=process.tail,
            )
            if process.poll() is not None:
                raise TestbedError("the container reaper ended at once", evidence=process.tail())
        except BaseException:
            process.stop()
            raise
    return process


def _disable_missing_ryuk() -> None:
    """Disable testcontainers' own reaper where its image would have to be pulled first."""
    with docker_engine() as engine:
        if not testcontainers_config.ryuk_disabled:
            testcontainers_config.ryuk_disabled = not has_image(
                engine, testcontainers_config.ryuk_image
            )
