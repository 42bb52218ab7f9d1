"""The testbed that stays between runs that need the same one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

from trackproof.errors import TrackproofError
from trackproof.fleet import FleetProfile
from trackproof.scenarios import ScenarioFile
from trackproof.scenarios.fault_plan import needs_proxies
from trackproof.testbed.conductor.versions import DEFAULT_VERSION
from trackproof.verify.bench import Bench


@dataclass(frozen=True, slots=True)
class Where:
    """Where runs take place, from the command line."""

    conductor: str = "auto"
    version: str = DEFAULT_VERSION
    database: str | None = None

    def for_scenario(self, scenario: ScenarioFile) -> Where:
        """Return where a scenario takes place: a server given by its URL stays."""
        if "://" in self.conductor:
            return self
        conductor = "durable" if scenario.conductor.durable else self.conductor
        version = scenario.conductor.version or self.version
        return replace(self, conductor=conductor, version=version)


class WarmBench:
    """At most one bench, open until another one is needed."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._open = ExitStack()
        self._bench: Bench | None = None
        self._key: object = None

    def suits(
        self,
        scenario: ScenarioFile,
        profile: FleetProfile,
        where: Where,
        report: Callable[[str], None],
    ) -> Bench:
        """Return the open bench if a scenario can run on it, else a new one.

        Raises:
            TrackproofError: A part could not be started.
        """
        limit = scenario.conductor.response_seconds
        key = (profile, where, limit, needs_proxies(scenario.faults))
        if self._bench is not None and key == self._key:
            with suppress(TrackproofError):
                self._bench.testbed.conductor.check_alive()
                self._bench.fleet.check_alive()
                return self._bench
        self.close()
        opened = Bench.opened(profile, where, scenario, report, watched=True)
        self._bench, self._key = self._open.enter_context(opened), key
        return self._bench

    def terminate(self, workflow_id: str) -> None:
        """Terminate a run that a tester has ended."""
        if self._bench is not None and workflow_id:
            with suppress(TrackproofError):
                self._bench.testbed.rest.terminate(workflow_id, "ended by the tester")

    def close(self) -> None:
        """End the bench and everything that was started for it."""
        self._bench, self._key = None, None
        with suppress(TrackproofError):
            self._open.close()
