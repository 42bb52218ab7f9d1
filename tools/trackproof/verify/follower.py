"""What happens after each poll of a meeting's run."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from trackproof.errors import FleetError, TestbedError
from trackproof.fleet import Fleet
from trackproof.lab import Testbed
from trackproof.runs.follow import Workflow
from trackproof.scenarios import ScenarioFile
from trackproof.scenarios.fault_plan import silences
from trackproof.verify.run_progress import RunProgress

DECIDE_SECONDS: Final = 1.0
"""Between two evaluations of a run's time-outs, which a server does every 30 s by itself."""
OUTAGE_SECONDS: Final = 120.0
"""How long a server that a fault has stopped or killed may take to answer again."""
DEAD_SECONDS: Final = 60.0
"""The same for a fleet."""


class Follower:
    """What happens after each poll of a run."""

    def __init__(
        self,
        testbed: Testbed,
        fleet: Fleet,
        scenario: ScenarioFile,
        progress: RunProgress,
        on_poll: Callable[[Workflow], None],
        *,
        by_hand: bool,
    ) -> None:
        """Follow one run; faults or a person `by_hand` may end fleet and server meanwhile."""
        self._testbed, self._fleet = testbed, fleet
        self._silenced = by_hand or silences(scenario.faults)
        self.outage_seconds = OUTAGE_SECONDS if self._silenced else 0.0
        self._progress = progress
        self._on_poll = on_poll
        self._decided = 0.0
        self._dead_since = 0.0

    def poll(self, workflow: Workflow) -> None:
        """Report a poll, and let the server evaluate time-outs where something may be silent."""
        self._progress.poll(workflow)
        self._on_poll(workflow)
        now = time.monotonic()
        if self._silenced and now - self._decided > DECIDE_SECONDS:
            self._decided = now
            with suppress(TestbedError):
                self._testbed.rest.decide(str(workflow["workflowId"]))

    def check_alive(self) -> None:
        """Check that the fleet lives; one that a fault has ended may take its time to start."""
        try:
            self._fleet.check_alive()
            self._dead_since = 0.0
        except FleetError:
            self._dead_since = self._dead_since or time.monotonic()
            if not self._silenced or time.monotonic() - self._dead_since > DEAD_SECONDS:
                raise
