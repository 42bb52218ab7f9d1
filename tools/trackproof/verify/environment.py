"""The running environment of a verification: one testbed, and one fleet at a time on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from trackproof.fleet import FleetProfile
from trackproof.lab import Testbed
from trackproof.suite.options import VerifyOptions
from trackproof.suite.session import Report, Session, open_on
from trackproof.verify.coverage.watch import CoverageWatch

StartTestbed = Callable[[Report], AbstractContextManager[Testbed]]


class Environment:
    """Starts the testbed with the first session and a new fleet with each further one.

    Sessions outlast pytest: coverage is measured on the last one, and `keep` leaves it running.
    """

    def __init__(
        self, start_testbed: StartTestbed, profile: FleetProfile, options: VerifyOptions
    ) -> None:
        """Start nothing yet."""
        self.watch = CoverageWatch()
        self._start_testbed = start_testbed
        self._profile = profile
        self._options = options
        self._stack = ExitStack()
        self._fleet = ExitStack()
        self._testbed: Testbed | None = None

    @contextmanager
    def open(self, tasks: Sequence[str], report: Report) -> Iterator[Session]:
        """Start a fleet, and the testbed if it does not run; both run on after the block.

        Raises:
            TrackproofError: A part could not be started, or the fleet does not poll.
        """
        self._fleet.close()
        if self._testbed is None:
            self._testbed = self._stack.enter_context(self._start_testbed(report))
        opening = open_on(self._testbed, self._profile, self._options, tasks, report)
        session = self._fleet.enter_context(opening)
        watchers = session.harness.testbed.rest.watchers
        watchers.append(self.watch.record)
        self._fleet.callback(watchers.remove, self.watch.record)
        yield session

    def check_alive(self) -> None:
        """Check that Conductor runs; its runs can be looked at although the fleet may have died.

        Raises:
            TestbedError: Conductor has ended; with its last log lines.
        """
        if self._testbed is not None:
            self._testbed.conductor.check_alive()

    def close(self) -> None:
        """End the fleet, then the testbed."""
        self._stack.push(self._fleet)
        self._stack.close()
