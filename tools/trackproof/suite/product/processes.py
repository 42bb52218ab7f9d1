"""Processes of the product: triggers in each position of the switch, and the legacy worker."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from trackproof.errors import DeadlineError, FleetError
from trackproof.fleet.launchers import RunningFleet, start_fleet
from trackproof.fleet.profile import Command, FleetProfile, TriggerTerms
from trackproof.fleet.switch import contract_positions, legacy_messages, position_variables
from trackproof.fleet.variables import fill
from trackproof.lab import free_port
from trackproof.suite.harness import Harness
from trackproof.suite.product.webhooks import NO_ANSWER, Answer, send
from trackproof.testbed.conductor.gateway import start_gateway
from trackproof.testbed.stand_ins.daily_webhooks import signature_headers
from trackproof.wait import wait_until

POLL_SECONDS: Final = 60.0

RESEND_AFTER: Final = (1.0, 2.0)
"""Pauses before a webhook that failed is sent again, in seconds."""


class TriggerProcess:
    """One process of the trigger, whose requests to Conductor pass a gateway of its own."""

    def __init__(
        self,
        harness: Harness,
        trigger: TriggerTerms,
        name: str,
        switch: Mapping[str, str],
        *,
        number: int,
        stack: ExitStack,
    ) -> None:
        """Start it.

        Args:
            harness: The fleet that it belongs to, and the testbed.
            trigger: The profile's table.
            name: Its name in errors, and of its folder.
            switch: Its environment beyond the trigger's, as templates.
            number: Unique among the processes; the number of its Redis database.
            stack: Ends it.

        Raises:
            FleetError: A program does not exist, or a template has an unknown variable.
        """
        fleet = harness.fleet
        self.name = name
        self.trigger = trigger
        self._profile = fleet.profile
        self.folder = harness.testbed.folder / "triggers" / f"{number}-{name.replace(' ', '-')}"
        self.folder.mkdir(parents=True, exist_ok=True)
        # With a key of its own it polls a list of its own: no trigger takes another's recordings.
        self.daily_key = f"{harness.testbed.stand_ins.credentials.daily_key}-{number}"
        harness.testbed.stand_ins.daily.add_key(self.daily_key)
        self.gateway = stack.enter_context(start_gateway(harness.testbed.conductor.api_url))
        values = {
            **fleet.variables,
            "conductor.api_url": self.gateway.api_url,
            "trigger.port": str(free_port()),
            "trigger.folder": str(self.folder),
            "daily.key": self.daily_key,
            "redis.url": _redis_database(fleet.variables.get("redis.url", ""), number),
        }
        templates = {**fleet.profile.environment, **trigger.environment, **switch}
        self.environment = {
            **fleet.own_environment,
            **{name: fill(text, values) for name, text in templates.items()},
        }
        self.url = fill(trigger.webhook_url, values)
        self.secret = fill(trigger.webhook_secret, values)
        self.broker = fill(trigger.broker, values)
        self._running = self.start(trigger.command, "trigger", stack)

    def start(self, command: Command, what: str, stack: ExitStack) -> RunningFleet:
        """Start a command in this process's environment, ended by `stack`."""
        folder = self.folder / what
        folder.mkdir(exist_ok=True)
        running = start_fleet(self._variant(command, what), self.environment, self._cwd(), folder)
        stack.callback(running.stop)
        return running

    def _variant(self, command: Command, what: str) -> FleetProfile:
        container = self._profile.container
        name = f"{self._profile.name} ({what}, {self.name})"
        if container is not None:
            return replace(self._profile, name=name, container=replace(container, command=command))
        return replace(self._profile, name=name, command=command)

    def _cwd(self) -> Path:
        return self._profile.directory or self.folder

    def wait_until_ready(self) -> None:
        """Wait until it answers.

        Raises:
            FleetError: It exited, or does not answer in time.
        """
        try:
            wait_until(self._answers, what="an answer", timeout=self.trigger.ready_seconds)
        except DeadlineError as error:
            raise FleetError(
                f"the trigger ({self.name}) does not answer at {self.url}",
                evidence=self.log()[-3000:],
                hint="check [trigger]: command, webhook_url and environment",
            ) from error

    def _answers(self) -> bool:
        if (code := self._running.poll()) is not None:
            raise FleetError(
                f"the trigger ({self.name}) exited with code {code}",
                evidence=self.log()[-3000:],
                hint="read the end of its log above",
            )
        return send(self.url, b"{}", {}).status > NO_ANSWER

    def exit_code(self) -> int | None:
        """Return its exit code; None while it runs."""
        return self._running.poll()

    def is_serving(self) -> bool:
        """Return whether it answers webhooks."""
        return send(self.url, b"{}", {}).status > NO_ANSWER

    def log(self) -> str:
        """Return its whole log."""
        return self._running.log()

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a webhook, signed by default."""
        signed = signature_headers(body, self.secret) if headers is None else headers
        return send(self.url, body, signed)

    def report(self, body: bytes) -> Answer:
        """Send a webhook as Daily does: again after each answer that is none or a 5xx."""
        answer = self.post(body)
        for pause in RESEND_AFTER:
            if not answer.is_failure:
                break
            time.sleep(pause)
            answer = self.post(body)
        return answer

    def poll(self) -> None:
        """Make it run a polling round, if it does not poll by itself.

        Raises:
            FleetError: The command did not end, or failed.
        """
        if not self.trigger.poll_command:
            return
        with ExitStack() as stack:
            running = self.start(self.trigger.poll_command, "poll", stack)
            code = wait_until(
                lambda: (running.poll(),) if running.poll() is not None else None,
                what=f"the end of poll_command ({self.name})",
                timeout=POLL_SECONDS,
                evidence=running.log,
            )[0]
            if code != 0:
                what = f"poll_command ({self.name}) exited with code {code}"
                raise FleetError(what, evidence=running.log(), hint="run it by hand")

    def legacy_messages(self) -> list[str]:
        """Return the messages in its broker that start the legacy pipeline."""
        return legacy_messages(self.trigger, self.broker)


def legacy_with_shadow_mode(trigger: TriggerTerms) -> Mapping[str, str] | None:
    """Return the environment in which shadow mode is set and Conductor is disabled.

    None for a product whose switch has other variables than the contract's.
    """
    legacy, contract = position_variables(trigger, "legacy"), contract_positions()
    if not contract["legacy"].keys() & legacy:
        return None
    return {**legacy, **contract["legacy_with_shadow_mode"]}


def switch_variables(trigger: TriggerTerms) -> list[str]:
    """Return the variables that set the switch: the contract's, else those that differ."""
    contract: set[str] = set().union(*contract_positions().values())
    own = [position_variables(trigger, name) for name in ("legacy", "shadow", "conductor")]
    used: set[str] = set().union(*own)
    differing = {name for name in used if len({one.get(name) for one in own}) > 1}
    return sorted(used & contract or differing)


def _redis_database(url: str, number: int) -> str:
    return f"{url.rpartition('/')[0]}/{number}" if url else ""
