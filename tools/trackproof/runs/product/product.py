"""A product with a trigger: its processes at each position of the switch, and what it stored."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from trackproof.contracts.load import load_contracts
from trackproof.errors import FleetError, UsageError
from trackproof.fleet import Fleet, FleetProfile
from trackproof.fleet.profile import Position, TriggerTerms
from trackproof.fleet.switch import legacy_messages, position_variables
from trackproof.fleet.variables import fill
from trackproof.lab import Surroundings, Testbed, free_port
from trackproof.runs.product.running_trigger import RunningTrigger
from trackproof.runs.scenario import Scenario
from trackproof.testbed import database
from trackproof.testbed.processes import ManagedProcess
from trackproof.testbed.stand_ins.ledger import Request
from trackproof.wait import wait_until

START_SECONDS: Final = 60.0
"""Time limit for a polling round."""


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """What the product stored about a recording."""

    transcript_id: str | None = None
    workflow_id: str | None = None
    legacy_task_id: str | None = None


@dataclass(frozen=True)
class Product:
    """A running fleet and its testbed, on which triggers and a legacy worker can start."""

    testbed: Testbed
    fleet: Fleet
    surroundings: Surroundings
    """Where the fleet runs."""
    folder: Path
    """Receives logs."""

    @property
    def terms(self) -> TriggerTerms:
        """The profile's `[trigger]`."""
        return trigger_terms(self.fleet.profile)

    @contextmanager
    def trigger(
        self, position: Position, *, environment: Mapping[str, str] | None = None
    ) -> Iterator[RunningTrigger]:
        """Run a trigger that polls often, at a position of the switch; several may run.

        Args:
            position: Position of the switch.
            environment: Further variables, which take precedence.

        Raises:
            FleetError: It does not start, or does not answer in time.
        """
        terms = self.terms
        values = {**self._values(), "trigger.port": str(free_port())}
        variables = self._filled(
            {**terms.environment, **terms.polling, **position_variables(terms, position)}, values
        )
        variables |= environment or {}
        name = f"trigger-{position}-{values['trigger.port']}"
        process = self._start(name, terms.command, variables)
        try:
            running = RunningTrigger(
                process,
                fill(terms.webhook_url, values),
                fill(terms.webhook_secret, values),
                variables,
            )
            running.wait_until_ready(terms.ready_seconds)
            yield running
        finally:
            process.stop()

    @contextmanager
    def legacy_worker(self) -> Iterator[ManagedProcess]:
        """Run the worker of the legacy pipeline.

        Raises:
            UsageError: The profile names none.
        """
        if not self.terms.legacy_command:
            raise UsageError(
                f"the profile of fleet {self.fleet.profile.name!r} has no legacy pipeline",
                hint="add `legacy_command` to [trigger]",
            )
        values = {**self._values(), "trigger.port": str(free_port())}
        variables = self._filled(self.terms.environment, values)
        process = self._start("legacy-worker", self.terms.legacy_command, variables)
        try:
            yield process
        finally:
            process.stop()

    def poll(self, trigger: RunningTrigger) -> None:
        """Run a polling round by the profile's `poll_command`.

        Raises:
            FleetError: It did not end in time, or failed.
        """
        process = self._start("poll", self.terms.poll_command, trigger.variables)
        try:
            code = wait_until(
                lambda: None if (code := process.poll()) is None else (code,),
                what="the end of poll_command",
                timeout=START_SECONDS,
                evidence=process.tail,
            )[0]
            if code:
                raise FleetError(
                    f"poll_command exited with code {code}",
                    evidence=process.tail(),
                    hint="run it by hand",
                )
        finally:
            process.stop()

    def legacy_messages(self) -> int:
        """Return the number of messages that wait for the legacy pipeline in the broker."""
        broker = fill(self.terms.broker, {**self._values(), "trigger.port": ""})
        return len(legacy_messages(self.terms, broker))

    def finish_meeting(self, scenario: Scenario) -> None:
        """Store the room of a meeting and let Daily have its finished recording.

        The room is seeded with a meeting of its own, because seeders write whole meetings.
        """
        secret = self.testbed.stand_ins.credentials.webhook_secret
        webhook = f"{self.testbed.served.urls['webhook']}/{scenario.room_name}"
        earlier = replace(scenario, run_id=uuid.uuid4().hex[:12], room=scenario.run_id, ids={})
        rows = earlier.rows(webhook, secret)
        rows["room"] |= {"zulip_topic": None}
        ids = self.fleet.seed(rows)
        scenario.ids.update({name: value for name, value in ids.items() if name == "room_id"})
        scenario.publish(self.testbed)

    def recording(self, recording_id: str) -> RecordingRow:
        """Return what the product stored about a recording; empty if nothing.

        Raises:
            UsageError: The profile has no `recording_sql` in [trigger].
        """
        query = self.terms.recording_sql
        if not query:
            raise UsageError(
                f"the profile of fleet {self.fleet.profile.name!r} has no trigger.recording_sql",
                hint="it reads what the product stored about a recording",
            )
        rows = database.rows(self.fleet.database_url, query, recording_id=recording_id)
        row = rows[0] if rows else {}
        return RecordingRow(
            *(_text(row.get(name)) for name in ("transcript_id", "workflow_id", "legacy_task_id"))
        )

    def transcript(self, recording_id: str) -> Mapping[str, Any]:
        """Return the result of a recording that counts; empty if there is none yet."""
        transcript_id = self.recording(recording_id).transcript_id
        return self.fleet.transcript(transcript_id) if transcript_id else {}

    def webhooks(self, scenario: Scenario) -> list[Request]:
        """Return the webhooks of a meeting's room that were received."""
        return [
            one
            for one in self.testbed.stand_ins.ledger.requests("webhook", method="POST")
            if scenario.room_name in one.path and _is_done(one)
        ]

    def messages(self, scenario: Scenario) -> list[Request]:
        """Return the Zulip messages about a meeting's room that were posted."""
        return [
            one
            for one in self.testbed.stand_ins.ledger.requests("zulip", method="POST")
            if one.path.endswith("/messages")
            and scenario.room_name in f"{one.form.get('topic')} {one.form.get('content')}"
            and _is_done(one)
        ]

    def _values(self) -> dict[str, str]:
        """Return the values of the variables in `[trigger]`, its port left out."""
        folder = self.testbed.folder / "product"
        folder.mkdir(exist_ok=True)
        return {**self.surroundings.variables, "trigger.folder": str(folder)}

    @staticmethod
    def _filled(templates: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
        return {name: fill(text, values) for name, text in templates.items()}

    def _start(
        self, name: str, command: Sequence[str], variables: Mapping[str, str]
    ) -> ManagedProcess:
        try:
            return ManagedProcess(
                name,
                command,
                log_path=self.folder / f"{name}.log",
                cwd=self.fleet.profile.directory or self.folder,
                env={**self.fleet.environment, **variables},
            )
        except OSError as error:
            raise FleetError(
                f"{name} cannot be started", evidence=str(error), hint="check [trigger]"
            ) from error


def trigger_terms(profile: FleetProfile) -> TriggerTerms:
    """Return the profile's `[trigger]`.

    Raises:
        UsageError: It has none.
    """
    if profile.trigger is None:
        raise UsageError(
            f"the profile of fleet {profile.name!r} has no [trigger]",
            hint="`trackproof fleet new` explains its keys",
        )
    return profile.trigger


@contextmanager
def open_product(testbed: Testbed, profile: FleetProfile) -> Iterator[Product]:
    """Start the fleet of a product; triggers and a legacy worker start with its methods.

    Its requests to Conductor pass a gateway, as those of its trigger do.

    Raises:
        UsageError: The profile has no `[trigger]`.
        FleetError: The fleet does not start or does not poll.
        TestbedError: A server that the product needs does not start.
    """
    trigger_terms(profile)
    with (
        testbed.surroundings(profile, watched=True) as around,
        testbed.fleet(profile, around) as fleet,
    ):
        fleet.register(testbed.rest.api_url)
        ours = testbed.translated_for(fleet)
        fleet.wait_until_polling(ours.rest, sorted(load_contracts().tasks))
        yield Product(ours, fleet, around, testbed.folder)


def _is_done(request: Request) -> bool:
    """Return whether the service did what a request asks for, even if its answer was lost."""
    return request.carried_out and (request.status is None or request.status < 300)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
