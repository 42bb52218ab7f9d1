"""A trigger that runs, and the webhooks it receives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from trackproof.errors import DeadlineError, FleetError
from trackproof.runs.scenario import Scenario
from trackproof.testbed.conductor.rest import http_client
from trackproof.testbed.processes import ManagedProcess
from trackproof.testbed.stand_ins.daily_webhooks import ready_event, signature_headers
from trackproof.wait import wait_until

ANSWER_SECONDS = 60.0
"""Time limit for the answer to a webhook."""


@dataclass(frozen=True, slots=True)
class RunningTrigger:
    """A trigger's process and the URL for Daily's webhooks."""

    process: ManagedProcess
    webhook_url: str
    secret: str
    """Base64 key that signs webhooks."""
    variables: Mapping[str, str]
    """Its variables at this position of the switch."""

    def announce(self, scenario: Scenario) -> httpx.Response:
        """Send Daily's webhook for a recording, which has the track of a shared screen too.

        Raises:
            httpx.TransportError: The trigger does not answer.
        """
        keys = [*scenario.track_keys, f"acme/{scenario.room_name}/1-eve-screen-video-2"]
        body = ready_event(scenario.recording_id, scenario.room_name, keys)
        return self.send(body, signature_headers(body, self.secret))

    def send(self, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Send any request to the endpoint for Daily's webhooks."""
        with http_client(self.webhook_url, timeout=ANSWER_SECONDS) as client:
            return client.post(self.webhook_url, content=body, headers=dict(headers))

    def log(self) -> str:
        """Return its log."""
        return self.process.log_path.read_text("utf-8", errors="replace")

    def wait_until_ready(self, seconds: float) -> None:
        """Wait until the endpoint answers.

        Raises:
            FleetError: The trigger ended, or did not answer in time.
        """

        def answers() -> bool:
            if (code := self.process.poll()) is not None:
                raise FleetError(
                    f"the trigger ended with exit code {code}",
                    evidence=self.process.tail(),
                    hint="correct `command` or the environment in [trigger] of the profile",
                )
            try:
                # Without a signature nothing is started, whatever the answer.
                self.send(b"{}", {})
            except httpx.TransportError:
                return False
            return True

        try:
            wait_until(answers, what=f"the trigger at {self.webhook_url}", timeout=seconds)
        except DeadlineError as error:
            raise FleetError(
                str(error),
                evidence=self.process.tail(),
                hint="check `webhook_url` and the environment in [trigger] of the profile",
            ) from error
