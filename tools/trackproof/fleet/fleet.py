"""A started fleet: what runs, its log, its seeds, its definitions and what is seen of it."""

from __future__ import annotations

import difflib
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trackproof.contracts.load import load_contracts
from trackproof.errors import DeadlineError, FleetError
from trackproof.fleet.events import Event, UnavailableError, event_source, row_reader
from trackproof.fleet.launchers import start
from trackproof.fleet.profile import FleetProfile
from trackproof.fleet.seeders import Ids, seeder_for
from trackproof.fleet.translation.translator import Translator, definitions
from trackproof.testbed.conductor.registration import register
from trackproof.testbed.conductor.rest import ConductorRest
from trackproof.wait import wait_until

REGISTER_SECONDS = 60.0
TAIL_LINES = 30


class Fleet:
    """A started fleet."""

    def __init__(
        self,
        profile: FleetProfile,
        told: Mapping[str, str],
        folder: Path,
        *,
        database_url: str = "",
        redis_url: str = "",
        intercepted: Sequence[str] = (),
    ) -> None:
        """Start the fleet; its log goes into `folder`.

        Args:
            profile: What is known of it.
            told: Its environment, besides what every process here has.
            folder: Where its log goes, and where it runs if the profile does not say.
            database_url: Where its state is.
            redis_url: Where it publishes events.
            intercepted: Hosts that it has asked for in vain; grows while it runs.

        Raises:
            FleetError: It cannot be started.
        """
        self.profile = profile
        self.translator = Translator(profile)
        self.intercepted = intercepted
        self._environment = {**os.environ, **told}
        self._cwd = profile.directory or folder
        self._started_at = time.time()
        self._row = row_reader(profile, database_url)
        self._seeds = seeder_for(profile, self._cwd, self._environment, database_url)
        self._running = start(profile, told, self._cwd, folder)
        self._seeds.prepare()
        try:
            self._source = event_source(profile, database_url, redis_url)
        except BaseException:
            self._seeds.close()
            self._running.stop()
            raise

    def seed(self, meeting: Mapping[str, Any]) -> Ids:
        """Have the fleet write a meeting's rows into its database; return their ids.

        Raises:
            FleetError: The seeds failed; what was said of it is the evidence.
        """
        return self._seeds.seed(meeting)

    @property
    def exposes_events(self) -> bool:
        """Whether its events can be seen."""
        return self._source is not None

    @property
    def exposes_rows(self) -> bool:
        """Whether a transcript's row can be seen."""
        return self._row is not None

    def watch(self, transcript_id: str) -> None:
        """Miss no event of this transcript from now on."""
        if self._source is not None:
            self._source.watch(transcript_id)

    def events(self, transcript_id: str) -> list[Event]:
        """Return what the fleet has told of a transcript, oldest first, in the contracts' terms.

        Raises:
            UnavailableError: The profile does not say how.
        """
        if self._source is None:
            raise _unseen(self.profile, "events", "events_sql, events_redis or events_websocket")
        return [
            self.translator.event_from_fleet(name, data)
            for name, data in self._source.events(transcript_id)
        ]

    def transcript(self, transcript_id: str) -> Mapping[str, Any]:
        """Return a transcript's row as it stands, in the contracts' terms; empty without one.

        Raises:
            UnavailableError: The profile does not say how.
        """
        if self._row is None:
            raise _unseen(self.profile, "transcript's row", "transcript_sql or transcript_url")
        return self.translator.row_from_fleet(self._row(transcript_id))

    def register(self, api_url: str) -> None:
        """Make the server hold the fleet's definitions: its own command's, or the contracts'.

        Raises:
            FleetError: The fleet's command failed; its output is the evidence.
            TestbedError: The server refused a definition.
        """
        if not self.profile.register_command:
            register(api_url, *definitions(self.profile))
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
                evidence="\n".join((error.stderr or error.stdout).splitlines()[-TAIL_LINES:]),
            ) from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FleetError(
                f"{who} did not do its work", evidence=str(error), hint="see register_command"
            ) from error

    def polled(self, conductor: ConductorRest) -> set[str]:
        """Return the task types that have been asked for since the fleet was started.

        They are told in the contracts' terms, whatever terms the server is spoken to in.
        """
        return {
            self.translator.task_from_fleet(entry["queueName"].rpartition(":")[2])
            for entry in conductor.poll_data()
            # A server that was there before remembers the polls of earlier fleets.
            if entry["lastPollTime"] >= self._started_at * 1000
        }

    def wait_until_polling(self, conductor: ConductorRest, task_types: Sequence[str]) -> None:
        """Wait until every task type is asked for.

        Raises:
            FleetError: The fleet died, or polls for too little.
        """

        def all_polled() -> bool:
            self.check_alive()
            return set(task_types) <= self.polled(conductor)

        try:
            wait_until(
                all_polled,
                what="the fleet to poll every task type",
                timeout=self.profile.ready_seconds,
            )
        except DeadlineError as error:
            raise self._polls_too_little(self.polled(conductor), task_types) from error

    def _polls_too_little(self, polled: set[str], wanted: Sequence[str]) -> FleetError:
        missing = sorted(set(wanted) - polled)
        known = {*load_contracts().tasks, *self.profile.other_tasks}
        strange = sorted(polled - known)
        if not polled & known and not strange:
            return FleetError(
                f"fleet {self.profile.name!r} polls no task: it does not poll for: "
                f"{', '.join(missing)}",
                evidence=self.log_tail(),
                hint="see whether it is given the right Conductor URL",
            )
        what = f"fleet {self.profile.name!r} does not poll for: {', '.join(missing)}"
        if not strange:
            return FleetError(
                what, evidence=self.log_tail(), hint="see whether it starts a worker for each"
            )
        pairs = [_named_otherwise(name, missing) for name in strange]
        return FleetError(
            f"{what}; it polls for what no contract knows: {', '.join(strange)}",
            evidence=self.log_tail(),
            hint=f"if these are other names, say so: {'; '.join(filter(None, pairs))}"
            if any(pairs)
            else 'other names are said by [tasks.pad_track] name = "…"',
        )

    def check_alive(self) -> None:
        """Raise a FleetError with the last log lines if the fleet has died."""
        if (code := self._running.poll()) is not None:
            ended = f"died with exit code {code}" if code else "ended by itself with exit code 0"
            raise FleetError(
                f"fleet {self.profile.name!r} {ended}",
                evidence=self.log_tail(),
                hint="the last lines of its log are above"
                if self.log_tail()
                else "it has written nothing; see `command`",
            )

    def log(self) -> str:
        """Return all that the fleet has written."""
        return self._running.log()

    def log_tail(self) -> str:
        """Return the last lines that the fleet has written."""
        return "\n".join(self.log().splitlines()[-TAIL_LINES:])

    def stop(self) -> None:
        """End the fleet and its children."""
        if self._source is not None:
            self._source.close()
        self._seeds.close()
        self._running.stop()


def _named_otherwise(strange: str, missing: Sequence[str]) -> str:
    near = difflib.get_close_matches(strange.lower(), missing, n=1, cutoff=0.5)
    return f'[tasks.{near[0]}] name = "{strange}"' if near else ""


def _unseen(profile: FleetProfile, what: str, keys: str) -> UnavailableError:
    return UnavailableError(
        f"the {what} of fleet {profile.name!r} cannot be seen", hint=f"give its profile {keys}"
    )
