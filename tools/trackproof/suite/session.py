"""Everything a verification needs, started: a testbed, a fleet that polls, a harness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from trackproof.fleet import FleetProfile
from trackproof.lab import Testbed
from trackproof.suite.harness import Harness
from trackproof.suite.preflight import PreflightResult, before_the_fleet, refuse, with_the_fleet


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What `trackproof verify` can be asked for."""

    fleet: str = "reference"
    only: tuple[str, ...] = ()
    """Task types or clause ids; all by default."""
    conductor: str = "auto"
    version: str = "3.15.0"
    database: str | None = None
    time_scale: float = 0.001
    names: str = ""
    """The seed of all names; a new one by default."""
    test: str = ""
    """The id of the one test to run; all that are asked for by default."""
    failures: Path | None = None
    """The folder that failing clauses are kept in; nowhere by default."""
    floor: float = 0.0
    """How much of tasks, edges and clauses the whole suite must exercise, in percent."""
    keep: bool = False
    """Leave the testbed standing after the verdict, until Ctrl-C."""


def names_of(only: str) -> tuple[str, ...]:
    """Return the names that `--only` lists by comma."""
    return tuple(name.strip() for name in only.split(",") if name.strip())


@contextmanager
def laboratory(
    profile: FleetProfile,
    options: VerifyOptions,
    tasks: Sequence[str],
    report: Callable[[str], None],
) -> Iterator[Harness]:
    """Start everything; it is ended when the block ends.

    Args:
        profile: The fleet.
        options: Where Conductor and database come from.
        tasks: The task types that the fleet must poll for.
        report: Takes one line at a time on what is being started.

    Raises:
        TrackproofError: A part could not be started, or the fleet does not poll.
    """
    with (
        Testbed.started(
            conductor=options.conductor,
            version=options.version,
            report=report,
            database=options.database,
            ports=profile.ports,
        ) as testbed,
        open_harness(
            testbed, profile, tasks, time_scale=options.time_scale, report=report
        ) as harness,
    ):
        yield harness


@contextmanager
def open_harness(
    testbed: Testbed,
    profile: FleetProfile,
    tasks: Sequence[str],
    *,
    time_scale: float,
    report: Callable[[str], None] = lambda _line: None,
) -> Iterator[Harness]:
    """Start a fleet on a testbed that stands already; it is ended when the block ends.

    Raises:
        FleetError: It died, does not poll for one of `tasks`, or cannot be judged otherwise.
    """

    def heed(found: Iterable[PreflightResult], log: str = "") -> None:
        findings = list(found)
        for finding in findings:
            if not finding.good:
                report(f"{finding.about}: {finding.text}")
        refuse(profile, findings, log)

    heed(before_the_fleet(testbed, profile))
    with testbed.fleet(profile) as fleet:
        fleet.register(testbed.rest.api_url)
        fleet.wait_until_polling(testbed.rest, sorted(tasks))
        heed(with_the_fleet(testbed, fleet, sorted(tasks)), fleet.log_tail())
        harness = Harness(testbed, fleet, time_scale=time_scale)
        try:
            yield harness
        finally:
            harness.close()


def places_of(testbed: Testbed) -> dict[str, str]:
    """Return where everything is, by name, for people; without passwords."""
    return {
        "conductor": testbed.rest.api_url,
        "s3": testbed.s3.endpoint,
        **testbed.served.urls,
        "database": make_url(testbed.database_url).render_as_string(hide_password=True),
        "folder": str(testbed.folder),
    }
