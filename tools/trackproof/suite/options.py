"""What a verification can be asked for: one object, from the command line to the plugin."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trackproof.errors import UsageError
from trackproof.events.shards import Shard
from trackproof.fleet import FleetProfile
from trackproof.testbed.database import VARIABLE, without_password

FAILURES: Final = Path(".trackproof/failures")
"""Folder of stored failures, in the current folder: they belong to the fleet that is worked on."""


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What a verification judges, where, and what it leaves behind."""

    fleet: str = "reference"
    """The fleet's profile: a file, or the name of a shipped one."""
    only: tuple[str, ...] = ()
    """Task types or clause ids; all by default."""
    serves: tuple[str, ...] = ()
    """Task types that the fleet serves, from its profile; all by default."""
    conductor: str = "auto"
    version: str = "3.15.0"
    database: str | None = None
    time_scale: float = 0.001
    id_seed: str = ""
    """The seed of all ids (`trackproof.runs.ids`); a new one by default."""
    test: str = ""
    """The id of the one test to run; all tests of `only` by default."""
    failures: Path | None = None
    """The folder for failing clauses; none are stored by default."""
    floor: float = 100.0
    """Percent of tasks, edges and clauses that a run of the whole suite must exercise."""
    repeat_failures: bool = True
    """Run failed clauses once more, alone and on a fresh fleet, before the verdict."""
    shard: Shard | None = None
    """The part of the selected tasks to judge; all of them by default."""
    exit_first: bool = False
    """Stop after the first clause that fails the verdict."""
    keep: bool = False
    """Leave the testbed running after the verdict, until Ctrl-C."""

    def for_fleet(self, profile: FleetProfile) -> VerifyOptions:
        """Return the options with what the fleet's profile decides.

        Raises:
            UsageError: `only` names nothing that the fleet serves.
        """
        unserved = [
            name
            for name in self.only
            if not is_served(name, profile.serves) and not name.startswith("pipeline")
        ]
        if unserved:
            raise UsageError(
                f"fleet {profile.name!r} does not serve: {', '.join(unserved)}",
                hint=f"it serves {', '.join(profile.serves)}: see `serves` in its profile",
            )
        return replace(self, serves=profile.serves)

    def verify_command(self, *clauses: str) -> str:
        """Return the command that judges these clauses with these options."""
        only = ",".join(clauses)
        return shlex.join(
            ["trackproof", "verify", "--fleet", self.fleet, "--only", only, *self._environment()]
        )

    def replay_command(self, failure: str) -> str:
        """Return the command that repeats a stored failure with these options."""
        stored = ["--failures", str(self.failures)] if self._own_failures() else []
        return shlex.join(["trackproof", "replay", failure, *self._environment(), *stored])

    def _environment(self) -> list[str]:
        """Return the options of the command line that choose Conductor, database and scale."""
        database = self.database or os.environ.get(VARIABLE)
        own_server = "://" not in self.conductor
        return [
            *(["--conductor", self.conductor] if self.conductor != "auto" else []),
            *(["--conductor-version", self.version] if own_server else []),
            *(["--database", without_password(database)] if database else []),
        ]

    def _own_failures(self) -> bool:
        return self.failures is not None and self.failures != FAILURES.resolve()


def is_served(name: str, serves: Collection[str]) -> bool:
    """Return whether a fleet serves a task type or the task of a clause id."""
    return not serves or name.partition(".")[0] in serves


def comma_separated(names: str) -> tuple[str, ...]:
    """Return the names of a comma-separated list, without spaces and empty ones."""
    return tuple(name.strip() for name in names.split(",") if name.strip())
