"""A verification's environment: a testbed, a fleet that polls, and the harness for its tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import make_url

from trackproof.errors import TrackproofError
from trackproof.fleet import Fleet, FleetProfile
from trackproof.fleet.profile import Invisible, Part
from trackproof.lab import Surroundings, Testbed, database_choice
from trackproof.suite.harness import Harness
from trackproof.suite.options import VerifyOptions
from trackproof.suite.preflight import (
    PreflightResult,
    before_the_fleet,
    refuse,
    with_the_fleet,
)

Report = Callable[[str], None]
"""Takes one line at a time on what is being started."""


@dataclass(frozen=True, slots=True)
class Session:
    """A running environment and the fleet that it judges."""

    profile: FleetProfile
    harness: Harness

    @property
    def not_visible(self) -> dict[Part, Invisible]:
        """Data that cannot be observed: what the profile declares, and what follows from it."""
        implied: dict[Part, Invisible] = {}
        if self.profile.attach:
            reason = "the fleet runs already (attach)"
            implied = dict.fromkeys(("process", "traffic"), Invisible(reason))
        elif self.harness.fleet.traffic is None:
            reason = "Conductor answers on another network, or over HTTPS only"
            implied = {"traffic": Invisible(reason)}
        if self.profile.trigger is None:
            implied["trigger"] = Invisible("a fleet of workers: the profile has no [trigger]")
        elif not self.profile.trigger.broker:
            implied["legacy"] = Invisible("no legacy pipeline: [trigger] has no broker")
        return {**implied, **self.profile.not_visible}


class Servers(Protocol):
    """Options that say where Conductor and database come from."""

    @property
    def conductor(self) -> str:
        """`auto`, `container`, `process` or the URL of a running server."""

    @property
    def version(self) -> str:
        """Version of the server to start."""

    @property
    def database(self) -> str | None:
        """`sqlite`, `postgres` or a URL; None for the default."""


def start_testbed(
    profile: FleetProfile, options: Servers, report: Report
) -> AbstractContextManager[Testbed]:
    """Return the testbed that a fleet needs; it runs within the block.

    Args:
        profile: The fleet.
        options: Where Conductor and database come from.
        report: Takes one line at a time on what is being started.
    """
    return Testbed.started(
        conductor=options.conductor,
        version=options.version,
        report=report,
        database=database_choice(profile, options.database),
        ports=profile.ports,
        s3=profile.s3,
    )


@contextmanager
def open_session(
    profile: FleetProfile, options: VerifyOptions, tasks: Sequence[str], report: Report
) -> Iterator[Session]:
    """Start a testbed and the fleet; both end with the block.

    Args:
        profile: The fleet.
        options: Where Conductor and database come from.
        tasks: The task types that the fleet must poll.
        report: Takes one line at a time on what is being started.

    Raises:
        TrackproofError: A part could not be started, or the fleet does not poll.
    """
    with (
        start_testbed(profile, options, report) as testbed,
        open_on(testbed, profile, options, tasks, report) as session,
    ):
        yield session


@contextmanager
def open_on(
    testbed: Testbed,
    profile: FleetProfile,
    options: VerifyOptions,
    tasks: Sequence[str],
    report: Report = lambda _line: None,
) -> Iterator[Session]:
    """Start a fleet on a testbed that runs already; the fleet ends with the block.

    Raises:
        FleetError: The fleet died, does not poll one of `tasks`, or fails the preflight.
    """
    with open_fleet(testbed, profile, tasks, report, watched=True) as (fleet, refusal):
        harness = Harness(testbed, fleet, time_scale=options.time_scale)
        harness.registration_error = refusal
        try:
            yield Session(profile, harness)
        finally:
            harness.close()


@contextmanager
def open_fleet(
    testbed: Testbed,
    profile: FleetProfile,
    tasks: Sequence[str],
    report: Report,
    surroundings: Surroundings | None = None,
    *,
    watched: bool = False,
) -> Iterator[tuple[Fleet, TrackproofError | None]]:
    """Start a fleet, register its definitions and check both; the fleet ends with the block.

    Args:
        testbed: Where it starts.
        profile: The fleet.
        tasks: The task types that it must poll.
        report: Takes one line at a time on what is being started.
        surroundings: What only this fleet needs, if that runs already.
        watched: Whether a gateway records its requests to Conductor; see `Testbed.surroundings`.

    Yields:
        The fleet, which polls `tasks`, and the error if its definitions were refused.

    Raises:
        FleetError: The fleet died, does not poll one of `tasks`, or fails the preflight.
    """

    def heed(results: Iterable[PreflightResult], log: str = "") -> None:
        results = list(results)
        for result in results:
            if not result.good:
                report(f"{result.about}: {result.text}")
        refuse(profile, results, log)

    heed(before_the_fleet(testbed, profile))
    with testbed.fleet(profile, surroundings, watched=watched) as fleet:
        refusal = _register(testbed, fleet, report)
        fleet.wait_until_polling(testbed.rest, sorted(tasks))
        heed(with_the_fleet(testbed, fleet, sorted(tasks)), fleet.log_tail())
        yield fleet, refusal


def _register(testbed: Testbed, fleet: Fleet, report: Report) -> TrackproofError | None:
    """Register the fleet's definitions; return the error, for the clauses that need them."""
    try:
        fleet.register(testbed.rest.api_url)
    except TrackproofError as error:
        report(f"registration: {error.what}")
        return error
    return None


def addresses(testbed: Testbed, database_url: str) -> dict[str, str]:
    """Return the URL or path of every part of the testbed by name, without passwords."""
    return {
        "conductor": testbed.rest.api_url,
        "s3": testbed.s3.endpoint,
        **testbed.served.urls,
        "database": make_url(database_url).render_as_string(hide_password=True),
        "folder": str(testbed.folder),
    }
