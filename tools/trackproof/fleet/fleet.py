"""A started fleet: its log, seeds, definitions, rows and events."""

from __future__ import annotations

import difflib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from trackproof.contracts.load import WORKFLOW_NAME, load_contracts
from trackproof.errors import DeadlineError, FleetError
from trackproof.fleet.commands import run_to_end
from trackproof.fleet.events import Event, EventSource, SqlEvents
from trackproof.fleet.launchers import start_fleet
from trackproof.fleet.log_text import readable_log
from trackproof.fleet.profile import FleetProfile
from trackproof.fleet.rows import row_reader
from trackproof.fleet.seeders import Ids, seeder_for
from trackproof.fleet.translation.definitions import definitions
from trackproof.fleet.translation.translator import Translator
from trackproof.testbed import database
from trackproof.testbed.conductor.registration import register
from trackproof.testbed.conductor.rest import ConductorRest, split_queue
from trackproof.testbed.conductor.schema_enforcement import stop_enforcement
from trackproof.testbed.conductor.traffic import Traffic
from trackproof.wait import wait_until

TAIL_LINES = 30


class UnavailableError(FleetError):
    """The fleet's profile does not expose this data."""


class Fleet:
    """A started fleet."""

    def __init__(
        self,
        profile: FleetProfile,
        environment: Mapping[str, str],
        folder: Path,
        *,
        database_url: str = "",
        redis_url: str = "",
        intercepted: Sequence[str] = (),
        traffic: Traffic | None = None,
        migrated: bool = False,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Start the fleet.

        Args:
            profile: The fleet's profile.
            environment: The fleet's variables, besides those of this process.
            folder: Receives the log; the working folder if the profile has no `directory`.
            database_url: URL of the fleet's database.
            redis_url: URL of the Redis on which it publishes events.
            intercepted: Hosts that the intercept proxy refused; grows while the fleet runs.
            traffic: Its requests to Conductor, if they pass a gateway.
            migrated: Whether its `migrate_command` has run on this database.
            variables: Values of a profile's variables, for further processes of the product.

        Raises:
            FleetError: Its migration failed, or it cannot be started.
        """
        self.profile = profile
        self.translator = Translator(profile)
        self.intercepted = intercepted
        self.traffic = traffic
        self.variables = variables
        self.own_environment = environment
        """Its variables without those of this process."""
        self._earlier_log = ""
        self._environment = {**os.environ, **environment}
        self._cwd = profile.directory or folder
        self._started_at = time.time()
        self.database_url = database_url
        self._read_row = row_reader(profile, database_url)
        self._seeder = seeder_for(profile, self._cwd, self._environment, database_url)
        if profile.migrate_command and not migrated:
            run_to_end(profile, "migrate_command", self._cwd, self._environment)
        self._start = partial(start_fleet, profile, environment, self._cwd, folder)
        self._running = self._start()
        self._seeder.prepare()
        try:
            self._events = _event_source(profile, database_url, redis_url)
        except BaseException:
            self._seeder.close()
            self._running.stop()
            raise

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of its processes."""
        return self._environment

    def seed(self, meeting: Mapping[str, Any]) -> Ids:
        """Write a meeting's rows into the fleet's database and return their ids.

        Raises:
            FleetError: The seed command or SQL failed; the evidence is its error output.
        """
        return self._seeder.seed(meeting)

    @property
    def exposes_events(self) -> bool:
        """Whether the profile exposes events."""
        return self._events is not None

    @property
    def exposes_rows(self) -> bool:
        """Whether the profile exposes transcripts' rows."""
        return self._read_row is not None

    def watch(self, transcript_id: str) -> None:
        """Start recording this transcript's events."""
        if self._events is not None:
            self._events.watch(transcript_id)

    def events(self, transcript_id: str) -> list[Event]:
        """Return a transcript's events, oldest first, in the contracts' terms.

        Raises:
            UnavailableError: The profile does not expose events.
        """
        if self._events is None:
            raise _unavailable(
                self.profile, "events", "events_sql, events_redis or events_websocket"
            )
        return [
            self.translator.event_from_fleet(name, data)
            for name, data in self._events.events(transcript_id)
        ]

    def transcript(self, transcript_id: str) -> Mapping[str, Any]:
        """Return a transcript's row in the contracts' terms; empty if there is none.

        Raises:
            UnavailableError: The profile does not expose rows.
        """
        if self._read_row is None:
            raise _unavailable(self.profile, "transcript's row", "transcript_sql or transcript_url")
        return self.translator.row_from_fleet(self._read_row(transcript_id))

    def meeting(self, meeting_id: str) -> Mapping[str, Any]:
        """Return the row of a meeting at Daily; empty if there is none.

        Raises:
            UnavailableError: The profile does not expose meetings.
        """
        if not self.profile.meeting_sql:
            raise _unavailable(self.profile, "rows of meetings", "meeting_sql")
        rows = database.rows(self.database_url, self.profile.meeting_sql, meeting_id=meeting_id)
        return rows[0] if rows else {}

    def register(self, api_url: str) -> None:
        """Register the fleet's definitions, by its own command or from the contracts.

        Raises:
            FleetError: The fleet's command failed; the evidence is its output.
            TestbedError: The server refused a definition.

        A server must not enforce schemas here: the fleet's own validation is judged.
        """
        if not self.profile.register_command:
            register_definitions(self.profile, api_url)
            return
        run_to_end(self.profile, "register_command", self._cwd, self._environment)
        name, _ = self.translator.workflow_name_to_fleet(WORKFLOW_NAME, None)
        with ConductorRest(api_url) as server:
            stop_enforcement(
                server, map(self.translator.task_to_fleet, load_contracts().tasks), name
            )

    def polled(self, conductor: ConductorRest, *, since: float = 0.0) -> set[str]:
        """Return the task types polled in the fleet's domain, in the contracts' terms.

        Args:
            conductor: The server.
            since: Epoch seconds of the earliest poll that counts, if after the fleet's start.
        """
        everywhere = bool(self.profile.domain)
        return {
            self.translator.task_from_fleet(task)
            for domain, task in self._polled_queues(conductor, since=since, everywhere=everywhere)
            if domain == self.profile.domain
        }

    def _polled_queues(
        self, conductor: ConductorRest, *, since: float = 0.0, everywhere: bool
    ) -> set[tuple[str, str]]:
        """Return domain and task type, in the fleet's terms, of each queue that is polled.

        Args:
            conductor: The server.
            since: Epoch seconds of the earliest poll that counts, if after the fleet's start.
            everywhere: Whether domains are searched too, which takes a request for each type.
        """
        types = self.profile.serves or load_contracts().tasks if everywhere else ()
        return {
            split_queue(entry)
            for entry in conductor.poll_data(map(self.translator.task_to_fleet, types))
            # A server that ran before also lists the polls of earlier fleets.
            if entry["lastPollTime"] >= max(since, self._started_at) * 1000
        }

    def wait_until_polling(self, conductor: ConductorRest, task_types: Sequence[str]) -> None:
        """Wait until the fleet polls every task type.

        Raises:
            FleetError: The fleet died, or does not poll some task types in time.
        """

        def polls_all() -> bool:
            self.check_alive()
            return set(task_types) <= self.polled(conductor)

        try:
            wait_until(
                polls_all,
                what="the fleet to poll every task type",
                timeout=self.profile.ready_seconds,
            )
        except DeadlineError as error:
            raise self._missing_polls(conductor, task_types) from error

    def _missing_polls(self, conductor: ConductorRest, task_types: Sequence[str]) -> FleetError:
        polled = self.polled(conductor)
        missing = sorted(set(task_types) - polled)
        known = {*load_contracts().tasks, *self.profile.other_tasks}
        unknown = sorted(polled - known)
        others = {
            domain
            for domain, task in self._polled_queues(conductor, everywhere=True)
            if domain != self.profile.domain and self.translator.task_from_fleet(task) in missing
        }
        if others:
            where = f"domain {self.profile.domain!r}" if self.profile.domain else "no domain"
            found = ", ".join(repr(domain) if domain else "none" for domain in sorted(others))
            return FleetError(
                f"fleet {self.profile.name!r} does not poll in {where}: {', '.join(missing)}",
                evidence=f"domains in which they are polled: {found}",
                hint="set `domain` in the profile to the domain that the fleet polls",
            )
        if not polled & known and not unknown:
            return FleetError(
                f"fleet {self.profile.name!r} polls no task; missing: {', '.join(missing)}",
                evidence=self.log_tail(),
                hint="check that it has the right Conductor URL",
            )
        what = f"fleet {self.profile.name!r} does not poll: {', '.join(missing)}"
        if not unknown:
            return FleetError(
                what,
                evidence=self.log_tail(),
                hint="check that it starts a worker for each; if it serves a part of the pipeline, "
                "name its task types as `serves` in the profile",
            )
        renames = filter(None, (_rename_hint(name, missing) for name in unknown))
        return FleetError(
            f"{what}; it polls unknown task types: {', '.join(unknown)}",
            evidence=self.log_tail(),
            hint="if these are other names, add them to the profile: "
            + ("; ".join(renames) or '[tasks.pad_track] name = "…"'),
        )

    def check_alive(self) -> None:
        """Raise a FleetError with the last log lines if the fleet has exited."""
        if (code := self._running.poll()) is not None:
            tail = self.log_tail()
            raise FleetError(
                f"fleet {self.profile.name!r} died with exit code {code}"
                if code
                else f"fleet {self.profile.name!r} ended with exit code 0",
                evidence=tail,
                hint="read the end of its log above"
                if tail
                else "its log is empty; check `command`",
            )

    def log(self) -> str:
        """Return the fleet's whole log, of restarts too."""
        return self._earlier_log + self._running.log()

    def log_tail(self) -> str:
        """Return the last lines of the fleet's log as plain text, its last exception first."""
        return readable_log(self.log(), TAIL_LINES)

    @property
    def is_own(self) -> bool:
        """Whether the laboratory started the fleet, so that it may end it."""
        return not self.profile.attach

    def request_end(self) -> None:
        """Send SIGTERM to the fleet's main process alone, as a container engine does."""
        self._running.request_end()

    def ended_at(self) -> float | None:
        """Return when the main process exited after `request_end`, in epoch seconds."""
        return self._running.ended_at()

    def send_signal(self, number: signal.Signals) -> bool:
        """Send a signal to all processes of the fleet; return whether they can be reached."""
        return self._running.send_signal(number)

    def restart(self) -> None:
        """End the fleet with all its children and start it again.

        Raises:
            FleetError: It cannot be started.
        """
        self._running.stop()
        self._earlier_log += self._running.log()
        self._started_at = time.time()
        self._running = self._start()

    def stop(self) -> None:
        """End the fleet and its children."""
        if self._events is not None:
            self._events.close()
        self._seeder.close()
        self._running.stop()


def register_definitions(profile: FleetProfile, api_url: str) -> None:
    """Register the contracts' definitions in a fleet's terms, with its overlay.

    Raises:
        TestbedError: The server refused a definition.
    """
    tasks, workflow = definitions(profile)
    # The workflow of a fleet that serves a part is somebody else's.
    register(api_url, tasks, None if profile.serves else workflow)


def _event_source(profile: FleetProfile, database_url: str, redis_url: str) -> EventSource | None:
    """Return the source that the profile configures; None if it exposes no events."""
    if profile.events_sql:
        return SqlEvents(database_url, profile.events_sql)
    if not (profile.events_redis or profile.events_websocket):
        return None
    # Its clients take half a second to import, and most fleets store their events.
    from trackproof.fleet.push_events import RedisEvents, WebSocketEvents  # noqa: PLC0415

    if profile.events_redis:
        return RedisEvents(redis_url, profile.events_redis, profile.events_lag_ms / 1000)
    return WebSocketEvents(profile.events_websocket, profile.events_lag_ms / 1000)


def _rename_hint(unknown: str, missing: Sequence[str]) -> str:
    similar = difflib.get_close_matches(unknown.lower(), missing, n=1, cutoff=0.5)
    return f'[tasks.{similar[0]}] name = "{unknown}"' if similar else ""


def _unavailable(profile: FleetProfile, what: str, keys: str) -> UnavailableError:
    return UnavailableError(
        f"the profile of fleet {profile.name!r} does not expose the {what}",
        hint=f"add {keys} to the profile",
    )
