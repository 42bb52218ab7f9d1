"""Start a fleet: as a process, as a container, or by attaching to a running one."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from docker.errors import DockerException
from testcontainers.core.container import DockerContainer

from trackproof.errors import FleetError
from trackproof.fleet.profile import Container, FleetProfile
from trackproof.testbed.docker import ManagedContainer
from trackproof.testbed.processes import ManagedProcess


class RunningFleet(Protocol):
    """A started fleet."""

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""

    def log(self) -> str:
        """Return its whole log."""

    def request_end(self) -> None:
        """Send SIGTERM to its main process alone."""

    def ended_at(self) -> float | None:
        """Return when its main process exited after `request_end`; None before."""

    def send_signal(self, number: signal.Signals) -> bool:
        """Send a signal to all its processes; return whether they can be reached."""

    def stop(self) -> None:
        """End it with all its children."""


def start_fleet(
    profile: FleetProfile, environment: Mapping[str, str], cwd: Path, folder: Path
) -> RunningFleet:
    """Start the command or container of the profile, or attach to the running fleet.

    Args:
        profile: The fleet's profile.
        environment: The fleet's variables, besides those of this process.
        cwd: Working folder of commands.
        folder: Receives the log.

    Raises:
        FleetError: The program is missing, or the container cannot be started.
        TestbedError: No Docker engine answers.
    """
    if profile.attach:
        return AttachedFleet()
    if profile.container is not None:
        return ContainerFleet(profile.name, profile.container, environment)
    return ProcessFleet(profile, {**os.environ, **environment}, cwd, folder / "fleet.log")


class AttachedFleet:
    """A fleet that somebody else starts, logs and stops."""

    def poll(self) -> None:
        """Return None: whether it runs is unknown; polling shows whether it works."""

    def log(self) -> str:
        """Return an empty log."""
        return ""

    def request_end(self) -> None:
        """Do nothing."""

    def ended_at(self) -> None:
        """Return None: its exit cannot be seen."""

    def send_signal(self, number: signal.Signals) -> bool:
        """Return False: somebody else's processes get no signals."""
        return False

    def stop(self) -> None:
        """Do nothing."""


class ProcessFleet:
    """A command in a process group of its own."""

    def __init__(
        self, profile: FleetProfile, environment: Mapping[str, str], cwd: Path, log_path: Path
    ) -> None:
        """Start the command.

        Raises:
            FleetError: The program or the folder does not exist.
        """
        if not cwd.is_dir():
            raise FleetError(
                f"fleet {profile.name!r} cannot be started: folder {cwd} does not exist",
                hint="correct `directory`, which is relative to the profile's file",
            )
        program, path = profile.command[0], environment.get("PATH")
        if not (shutil.which(program, path=path) or shutil.which(cwd / program)):
            raise FleetError(
                f"fleet {profile.name!r} cannot be started: program {program!r} does not exist",
                evidence=f"PATH={path}",
                hint="correct the first word of `command`",
            )
        # The file may already have the log of an earlier fleet.
        self._log_start = log_path.stat().st_size if log_path.exists() else 0
        self._process = ManagedProcess(
            f"fleet {profile.name}", profile.command, log_path=log_path, cwd=cwd, env=environment
        )

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self._process.poll()

    def log(self) -> str:
        """Return its whole log."""
        return self._process.log_path.read_bytes()[self._log_start :].decode(errors="replace")

    def request_end(self) -> None:
        """Send SIGTERM to the command alone."""
        self._process.request_end()

    def ended_at(self) -> float | None:
        """Return when the command exited after `request_end`; its children may still run."""
        return self._process.ended_at()

    def send_signal(self, number: signal.Signals) -> bool:
        """Send a signal to the command and all its descendants."""
        return self._process.send_signal(number) > 0

    def stop(self) -> None:
        """End it with its whole process group."""
        self._process.stop()


class ContainerFleet:
    """A container in the host network, where the testbed listens on loopback."""

    def __init__(self, name: str, container: Container, environment: Mapping[str, str]) -> None:
        """Start the container.

        Raises:
            FleetError: The engine cannot start it.
            TestbedError: No Docker engine answers.
        """
        fleet = DockerContainer(container.image)
        if container.command:
            fleet.with_command(list(container.command))
        for target, folder in container.mounts.items():
            fleet.with_volume_mapping(folder, target, "ro")
        for variable, value in environment.items():
            fleet.with_env(variable, value)
        self._ended_at: float | None = None
        self._container = ManagedContainer(fleet, network_mode="host")
        try:
            self._container.start()
        except (DockerException, OSError) as error:
            raise FleetError(
                f"fleet {name!r} cannot be started from image {container.image!r}",
                evidence=str(error),
                hint="build or pull the image, and check [container]",
            ) from error

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self._container.exit_code()

    def log(self) -> str:
        """Return its whole log."""
        return self._container.log()

    def request_end(self) -> None:
        """Send SIGTERM to the container's main process, with which all others end."""
        self._container.request_end()

    def ended_at(self) -> float | None:
        """Return when the container's exit was first seen; None while it runs."""
        if self._ended_at is None and self.poll() is not None:
            self._ended_at = time.time()
        return self._ended_at

    def send_signal(self, number: signal.Signals) -> bool:
        """Return False: processes in a container get no single signals."""
        return False

    def stop(self) -> None:
        """Remove the container."""
        self._container.stop()
