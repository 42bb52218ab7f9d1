"""What runs when a fleet runs: a process, a container, or something that was there before."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from docker.errors import DockerException, NotFound
from testcontainers.core.container import DockerContainer

from trackproof.errors import FleetError
from trackproof.fleet.profile import Container, FleetProfile
from trackproof.testbed.conductor.container.backend import (
    LABEL,
    REMOVED,
    disable_missing_ryuk,
    start_reaper,
)
from trackproof.testbed.docker import docker_engine
from trackproof.testbed.processes import ManagedProcess


class RunningFleet(Protocol):
    """A fleet that runs, or has run."""

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""

    def log(self) -> str:
        """Return all that it has written."""

    def stop(self) -> None:
        """End it with all its children."""


def start(profile: FleetProfile, told: Mapping[str, str], cwd: Path, folder: Path) -> RunningFleet:
    """Start what the profile names.

    Args:
        profile: The fleet.
        told: Its environment, besides what every process here has.
        cwd: Where commands run.
        folder: Where its log goes.

    Raises:
        FleetError: There is no such program, or the container cannot be started.
        TestbedError: There is no Docker engine.
    """
    if profile.attach:
        return AttachedFleet()
    if profile.container is not None:
        return ContainerFleet(profile.name, profile.container, told)
    return ProcessFleet(profile, {**os.environ, **told}, cwd, folder / "fleet.log")


class AttachedFleet:
    """Somebody else's to start, to read and to stop."""

    def poll(self) -> None:
        """It is not seen whether it runs; only whether it polls."""

    def log(self) -> str:
        """Its log is somewhere else."""
        return ""

    def stop(self) -> None:
        """Leave it alone."""


class ProcessFleet:
    """A command in a process group of its own."""

    def __init__(
        self, profile: FleetProfile, environment: Mapping[str, str], cwd: Path, log_path: Path
    ) -> None:
        """Start it.

        Raises:
            FleetError: There is no such program or folder.
        """
        if not cwd.is_dir():
            raise FleetError(
                f"fleet {profile.name!r} cannot be started: there is no folder {cwd}",
                hint="see `directory`, which is relative to the profile's file",
            )
        program, path = profile.command[0], environment.get("PATH")
        found = shutil.which(program, path=path) or shutil.which(cwd / program)
        if found is None:
            raise FleetError(
                f"fleet {profile.name!r} cannot be started: there is no program {program!r}",
                evidence=f"PATH={path}",
                hint="see the first word of `command`",
            )
        self._begins = log_path.stat().st_size if log_path.exists() else 0  # an earlier fleet's
        self._process = ManagedProcess(
            f"fleet {profile.name}", profile.command, log_path=log_path, cwd=cwd, env=environment
        )

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self._process.poll()

    def log(self) -> str:
        """Return all that it has written."""
        return self._process.log_path.read_bytes()[self._begins :].decode(errors="replace")

    def stop(self) -> None:
        """End it with its whole process group."""
        self._process.stop()


class ContainerFleet:
    """An image of its own, in the network of this machine, where the testbed listens."""

    def __init__(self, name: str, container: Container, told: Mapping[str, str]) -> None:
        """Start it.

        Raises:
            FleetError: The engine cannot start it; says why.
            TestbedError: There is no engine.
        """
        disable_missing_ryuk()
        with docker_engine():
            pass  # says in one line that there is none
        label = f"{LABEL}={uuid.uuid4()}"
        self._last_words: str | None = None
        self._container = DockerContainer(container.image).with_kwargs(
            network_mode="host", labels=dict([label.split("=")])
        )
        if container.command:
            self._container.with_command(list(container.command))
        for place, folder in container.mounts.items():
            self._container.with_volume_mapping(folder, place, "ro")
        for variable, value in told.items():
            self._container.with_env(variable, value)
        self._reaper = start_reaper(label)
        try:
            self._container.start()
        except (DockerException, OSError) as error:
            self._reaper.stop()
            raise FleetError(
                f"fleet {name!r} cannot be started from image {container.image!r}",
                evidence=str(error),
                hint="build or pull the image; see [container]",
            ) from error

    def poll(self) -> int | None:
        """Return the container's exit code, or None while it runs."""
        if self._last_words is not None:
            return REMOVED
        try:
            wrapped = self._container.get_wrapped_container()
            wrapped.reload()
        except NotFound:
            return REMOVED
        running = wrapped.status in {"created", "running", "restarting"}
        return None if running else int(wrapped.attrs["State"]["ExitCode"])

    def log(self) -> str:
        """Return all that it has written."""
        if self._last_words is not None:
            return self._last_words
        try:
            written: bytes = self._container.get_wrapped_container().logs()
        except DockerException as error:
            return f"(the log could not be read: {error})"
        return written.decode(errors="replace")

    def stop(self) -> None:
        """Remove the container with all that runs in it."""
        if self._last_words is not None:
            return
        self._last_words = self.log()
        try:
            with contextlib.suppress(NotFound):
                self._container.stop()
        finally:
            self._reaper.stop()
