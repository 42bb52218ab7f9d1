"""A started fleet: its process, its log, its seeds and its definitions."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.load import load_contracts
from tools.errors import DeadlineError, FleetError
from tools.testbed.conductor.registration import register
from tools.testbed.conductor.rest import ConductorRest
from tools.testbed.fleet.profile import FleetProfile
from tools.testbed.fleet.seeding import OneShotSeeds, SeedLines
from tools.testbed.processes import ManagedProcess
from tools.waiting import wait_until

REGISTER_SECONDS = 60.0


class Fleet:
    """A started fleet."""

    def __init__(self, profile: FleetProfile, environment: Mapping[str, str], folder: Path) -> None:
        """Start the fleet's process; its log goes into `folder`."""
        self.profile = profile
        self._environment = environment
        self._cwd = profile.directory or folder
        self._started_at = time.time()
        self._process = ManagedProcess(
            f"fleet {profile.name}",
            profile.command,
            log_path=folder / "fleet.log",
            cwd=self._cwd,
            env=environment,
        )
        seeds = SeedLines if profile.seed_lines else OneShotSeeds
        self._seeds = seeds(profile.name, profile.seed_command, self._cwd, environment)
        self._seeds.prepare()

    def seed(self, meeting: Mapping[str, Any]) -> dict[str, str]:
        """Have the fleet write a meeting's rows into its database; return their ids.

        Raises:
            FleetError: The seed command failed; its output is the evidence.
        """
        return self._seeds.sow(meeting)

    def register(self, api_url: str) -> None:
        """Make the server hold the fleet's definitions: its own command's, or the contracts'.

        Raises:
            FleetError: The fleet's command failed; its output is the evidence.
            TestbedError: The server refused a definition.
        """
        if not self.profile.register_command:
            contracts = load_contracts()
            register(api_url, contracts.task_definitions(), dict(contracts.workflow))
            return
        command = self.profile.register_command
        who = f"the registration command of fleet {self.profile.name!r}"
        try:
            subprocess.run(  # noqa: S603
                command,
                capture_output=True,
                text=True,
                cwd=self._cwd,
                env=self._environment,
                timeout=REGISTER_SECONDS,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            raise FleetError(
                f"{who} ended with {error.returncode}",
                evidence="\n".join((error.stderr or error.stdout).splitlines()[-30:]),
            ) from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FleetError(
                f"{who} did not do its work", evidence=str(error), hint="see register_command"
            ) from error

    def wait_until_polling(self, conductor: ConductorRest, task_types: Sequence[str]) -> None:
        """Wait until every task type is asked for.

        Raises:
            FleetError: The fleet died, or polls for too little.
        """

        def all_polled() -> bool:
            self.check_alive()
            return not missing()

        def missing() -> list[str]:
            polled = {
                entry["queueName"].rpartition(":")[2]
                for entry in conductor.poll_data()
                # A server that was there before remembers the polls of earlier fleets.
                if entry["lastPollTime"] >= self._started_at * 1000
            }
            return sorted(set(task_types) - polled)

        try:
            wait_until(
                all_polled,
                what="the fleet to poll every task type",
                timeout=self.profile.ready_seconds,
            )
        except DeadlineError as error:
            raise FleetError(
                f"fleet {self.profile.name!r} does not poll for: {', '.join(missing())}",
                evidence=self.log_tail(),
                hint="see whether it is given the right Conductor URL",
            ) from error

    def check_alive(self) -> None:
        """Raise a FleetError with the last log lines if the fleet has died."""
        if (code := self._process.poll()) is not None:
            raise FleetError(
                f"fleet {self.profile.name!r} died with exit code {code}",
                evidence=self.log_tail(),
                hint="the last lines of its log are above",
            )

    def log(self) -> str:
        """Return all that the fleet has written."""
        return self._process.log_path.read_text(errors="replace")

    def log_tail(self) -> str:
        """Return the last lines that the fleet has written."""
        return self._process.tail()

    def stop(self) -> None:
        """End the fleet's process and its children."""
        self._seeds.close()
        self._process.stop()
