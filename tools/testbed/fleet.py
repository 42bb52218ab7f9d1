"""A fleet of workers under test, run as a process of its own and known by its profile."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.errors import DeadlineError, FleetError
from tools.testbed.conductor.rest import ConductorRest
from tools.testbed.processes import ManagedProcess
from tools.waiting import wait_until

READY_SECONDS = 60.0
SEED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class FleetProfile:
    """How a fleet is started and where its results can be seen."""

    name: str
    command: Sequence[str]
    seed_command: Sequence[str]
    """Reads a meeting's rows as JSON on standard input and writes their ids."""
    environment: Mapping[str, str]
    """Values may name parts of the testbed: `{s3_endpoint}`."""
    transcript_sql: str
    events_sql: str


REFERENCE = FleetProfile(
    name="reference",
    command=(sys.executable, "-m", "reference_workers"),
    seed_command=(sys.executable, "-m", "reference_workers.seed"),
    environment={
        "CONDUCTOR_SERVER_URL": "{conductor_api_url}",
        "CONDUCTOR_ENABLED": "true",
        "DAILY_API_URL": "{daily_url}",
        "DAILY_API_KEY": "{daily_key}",
        "TRANSCRIPT_URL": "{modal_url}",
        "TRANSCRIPT_MODAL_API_KEY": "{modal_key}",
        "LLM_URL": "{llm_url}",
        "LLM_API_KEY": "{llm_key}",
        "ZULIP_URL": "{zulip_url}",
        "ZULIP_BOT_EMAIL": "{zulip_email}",
        "ZULIP_API_KEY": "{zulip_key}",
        "S3_ENDPOINT_URL": "{s3_endpoint}",
        "S3_ACCESS_KEY_ID": "{s3_access_key}",
        "S3_SECRET_ACCESS_KEY": "{s3_secret_key}",
        "S3_REGION": "{s3_region}",
        "TRANSCRIPT_BUCKET": "{transcript_bucket}",
        "DATABASE_URL": "{database_url}",
        "DATA_DIR": "{folder}/data",
    },
    transcript_sql="SELECT * FROM transcripts WHERE id = :transcript_id",
    events_sql="SELECT event, data FROM events WHERE transcript_id = :transcript_id ORDER BY seq",
)


class Fleet:
    """A started fleet."""

    def __init__(self, profile: FleetProfile, environment: Mapping[str, str], folder: Path) -> None:
        """Start the fleet's process; its log goes into `folder`."""
        self.profile = profile
        self._environment = environment
        self._folder = folder
        self._started_at = time.time()
        self._process = ManagedProcess(
            f"fleet {profile.name}",
            profile.command,
            log_path=folder / "fleet.log",
            cwd=folder,
            env=environment,
        )

    def seed(self, meeting: Mapping[str, Any]) -> dict[str, str]:
        """Have the fleet write a meeting's rows into its database; return their ids.

        Raises:
            FleetError: The seed command failed; its output is the evidence.
        """
        try:
            done = subprocess.run(  # noqa: S603
                self.profile.seed_command,
                input=json.dumps(meeting),
                capture_output=True,
                text=True,
                cwd=self._folder,
                env=self._environment,
                timeout=SEED_SECONDS,
                check=True,
            )
            ids: dict[str, str] = json.loads(done.stdout)
        except subprocess.CalledProcessError as error:
            raise FleetError(
                f"the seed command of fleet {self.profile.name!r} ended with {error.returncode}",
                evidence="\n".join(error.stderr.splitlines()[-30:]),
            ) from error
        except OSError as error:
            raise FleetError(
                f"the seed command of fleet {self.profile.name!r} cannot be started",
                evidence=str(error),
                hint="see the seed command of the fleet's profile",
            ) from error
        except (subprocess.TimeoutExpired, ValueError) as error:
            raise FleetError(
                f"the seed command of fleet {self.profile.name!r} wrote no ids",
                evidence=str(error),
            ) from error
        return ids

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
            wait_until(all_polled, what="the fleet to poll every task type", timeout=READY_SECONDS)
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
        self._process.stop()
