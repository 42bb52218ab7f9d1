"""What a verification can be asked for: one object, from the command line to the plugin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What a verification judges, where, and what it leaves behind."""

    fleet: str = "reference"
    """The fleet's profile: a file, or the name of a shipped one."""
    only: tuple[str, ...] = ()
    """Task types or clause ids; all by default."""
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
    keep: bool = False
    """Leave the testbed running after the verdict, until Ctrl-C."""


def comma_separated(names: str) -> tuple[str, ...]:
    """Return the names of a comma-separated list, without spaces and empty ones."""
    return tuple(name.strip() for name in names.split(",") if name.strip())
