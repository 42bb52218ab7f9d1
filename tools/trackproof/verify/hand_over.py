"""A testbed for a fleet that somebody starts by hand: `trackproof up`."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from trackproof.contracts.load import load_contracts
from trackproof.fleet import Fleet, FleetProfile
from trackproof.fleet.fleet import register_definitions
from trackproof.lab import Surroundings, Testbed
from trackproof.suite.session import Report, open_fleet, start_testbed

PREFIX: Final = "TESTBED_"
"""Of the environment variables that hold a profile's variables: TESTBED_S3_ENDPOINT."""

SHELL_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class HandOverOptions:
    """What `trackproof up` starts."""

    fleet: FleetProfile
    """Decides which servers start, and the names of the variables."""
    conductor: str
    version: str
    database: str | None
    with_fleet: bool = False


@dataclass(frozen=True, slots=True)
class HandOver:
    """A running testbed, as a fleet sees it."""

    testbed: Testbed
    surroundings: Surroundings
    profile: FleetProfile
    fleet: Fleet | None
    """None if it is started by hand."""

    @property
    def environment(self) -> dict[str, str]:
        """The fleet's environment, and every variable of the testbed under a name of its own."""
        named = {
            PREFIX + name.upper().replace(".", "_"): value
            for name, value in self.surroundings.variables.items()
            if value
        }
        return {
            **named,
            PREFIX + "PID": str(os.getpid()),
            "CONDUCTOR_SERVER_URL": self.testbed.conductor.api_url,
            **self.surroundings.environment,
        }

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that create the fleet's tables, register its definitions and start it."""
        profile = self.profile
        if self.fleet is not None or profile.container is not None:
            return ()
        directory = profile.directory and shlex.quote(str(profile.directory.resolve()))
        folder = f"cd {directory} && " if directory else ""
        steps = (profile.migrate_command, profile.register_command, profile.command)
        return tuple(folder + shlex.join(command) for command in steps if command)

    def check_alive(self) -> None:
        """Check that Conductor and the fleet run.

        Raises:
            TrackproofError: One has ended; with its last log lines.
        """
        self.testbed.conductor.check_alive()
        if self.fleet is not None:
            self.fleet.check_alive()


@contextmanager
def handed_over(options: HandOverOptions, report: Report) -> Iterator[HandOver]:
    """Start a testbed, and its fleet if the options say so; both end with the block.

    The contracts' definitions are registered in the fleet's terms, unless the fleet has a command
    of its own for that.

    Raises:
        TrackproofError: A part could not be started, or the fleet fails the preflight.
    """
    profile = options.fleet
    with (
        start_testbed(profile, options, report) as testbed,
        testbed.surroundings(profile) as surroundings,
    ):
        if not options.with_fleet:
            if not profile.register_command:
                register_definitions(profile, testbed.conductor.api_url)
            yield HandOver(testbed, surroundings, profile, None)
            return
        tasks = sorted(profile.serves or load_contracts().tasks)
        with open_fleet(testbed, profile, tasks, report, surroundings) as (fleet, refusal):
            if refusal is not None:
                raise refusal
            yield HandOver(testbed, surroundings, profile, fleet)


def export_lines(environment: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return `export NAME='value'` lines, and the names that no shell variable can have."""
    lines = [
        f"export {name}={shlex.quote(value)}\n"
        for name, value in environment.items()
        if SHELL_NAME.fullmatch(name)
    ]
    odd = tuple(name for name in environment if not SHELL_NAME.fullmatch(name))
    return "".join(lines), odd
