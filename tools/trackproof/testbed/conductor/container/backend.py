"""Backend "container": a Conductor image on this machine's Docker engine."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import uuid
from pathlib import Path

from docker.errors import DockerException, NotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.exceptions import ContainerStartException

from trackproof.errors import TestbedError
from trackproof.testbed import reaper
from trackproof.testbed.conductor import limits
from trackproof.testbed.conductor.container.conductor_container import ConductorContainer
from trackproof.testbed.conductor.process.jar import Report
from trackproof.testbed.conductor.server import ConductorServer
from trackproof.testbed.conductor.versions import (
    DEFAULT_VERSION,
    ConductorVersion,
    conductor_version,
)
from trackproof.testbed.docker import docker_engine, find_image, has_image
from trackproof.testbed.processes import ManagedProcess
from trackproof.wait import wait_until

LABEL = "trackproof.server"
KEPT_LOG_LINES = 200
REMOVED = 137  # the exit code of what was killed


def start_container(
    version: str = DEFAULT_VERSION,
    *,
    report: Report,
    image: str | None = None,
    start_seconds: float = limits.START,
) -> ConductorServer:
    """Run a server of its own in a container and return it when it is ready.

    Args:
        version: A name from the table of versions.
        report: Told in single lines what takes its time.
        image: Left out, the one `find_image` finds.
        start_seconds: When to give up waiting for it.

    Raises:
        TestbedError: No engine, no image, or the server did not start; with its last log lines.
    """
    chosen = conductor_version(version)
    image = image or find_image(chosen, report=report)
    disable_missing_ryuk()
    running = _ServerContainer(chosen, image, start_seconds)
    try:
        running.start()
        return ConductorServer(
            api_url=running.container.get_api_url(),
            internal_api_url=running.container.get_internal_api_url(),
            backend="container",
            version=chosen.name,
            read_log=running.log,
            exit_code=running.exit_code,
            end=running.end,
        )
    except BaseException:
        running.end()
        raise


class _ServerContainer:
    """The container and the process that removes it if this one is killed."""

    def __init__(self, version: ConductorVersion, image: str, start_seconds: float) -> None:
        label = f"{LABEL}={uuid.uuid4()}"
        self._image = image
        self._last_words: str | None = None
        self._reaper = start_reaper(label)
        self.container = ConductorContainer(image, startup_timeout=int(start_seconds))
        self.container.with_kwargs(labels=dict([label.split("=")]))
        for name, value in version.properties.items():
            self.container.with_property(name, value)

    def start(self) -> None:
        """Start the container; what it says when it fails becomes our error."""
        try:
            self.container.start()
        except (ContainerStartException, DockerException, OSError) as error:
            what, _, rest = str(error).partition("\n")
            evidence, _, hint = rest.removeprefix("Last log lines:\n").rpartition("Hint: ")
            raise TestbedError(what, evidence=evidence.strip(), hint=hint) from error

    def log(self, lines: int) -> str:
        """Return the last lines of the container's log."""
        if self._last_words is not None:
            return "\n".join(self._last_words.splitlines()[-lines:])
        try:
            return self.container.get_container_logs(lines)
        except DockerException as error:
            return f"(the log could not be read: {error})"

    def exit_code(self) -> int | None:
        """Return the container's exit code, or None while it runs."""
        if self._last_words is not None:
            return REMOVED
        try:
            self.container.reload()
            if self.container.status == "running":
                return None
            return int(self.container.get_wrapped_container().attrs["State"]["ExitCode"])
        except NotFound:
            return REMOVED

    def end(self) -> None:
        """Remove the container and let its guard go."""
        if self._last_words is not None:
            return
        self._last_words = self.log(KEPT_LOG_LINES)
        try:
            with contextlib.suppress(NotFound):  # removed by somebody else
                self.container.stop()
        finally:
            self._reaper.stop()


def start_reaper(label: str) -> ManagedProcess:
    """Start it before the container, so that no moment is left unguarded."""
    with tempfile.TemporaryDirectory(prefix="trackproof-guard-") as folder:
        guarding = ManagedProcess(
            "container guard",
            # -P: the modules beside guard.py must not stand in for those of the same name
            [sys.executable, "-P", reaper.__file__, label],
            log_path=Path(folder) / "guard.log",
        )
        try:
            wait_until(
                lambda: guarding.poll() is not None or reaper.READY in guarding.tail(),
                what="the guard of the container",
                timeout=limits.GUARD,
                evidence=guarding.tail,
            )
            if guarding.poll() is not None:
                raise TestbedError(
                    "the guard of the container ended at once", evidence=guarding.tail()
                )
        except BaseException:
            guarding.stop()
            raise
    return guarding


def disable_missing_ryuk() -> None:
    """Tell testcontainers not to wait for its own reaper's image when that is not here."""
    if testcontainers_config.ryuk_disabled:
        return
    with docker_engine() as client:
        testcontainers_config.ryuk_disabled = not has_image(
            client, testcontainers_config.ryuk_image
        )
