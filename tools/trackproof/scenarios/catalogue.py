"""The scenarios that ship, and those of a user's folder."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Final

from trackproof.errors import UsageError
from trackproof.scenarios.scenario_file import ScenarioFile, read_scenario

SHIPPED: Final = Path(__file__).parent / "shipped"
OWN: Final = Path("scenarios")
"""Folder of a user's own scenarios, in the current folder; one may replace a shipped one."""


def scenario_files(own: Path = OWN) -> dict[str, Path]:
    """Return the file of every scenario by name, shipped ones first."""
    return {
        path.stem: path
        for folder in (SHIPPED, own)
        if folder.is_dir()
        for path in sorted(folder.glob("*.toml"))
    }


def list_scenarios(own: Path = OWN) -> list[ScenarioFile]:
    """Return every scenario, ordered by name.

    Raises:
        UsageError: A file is not valid.
    """
    files = scenario_files(own)
    return [read_scenario(files[name]) for name in sorted(files)]


def find_scenario(name: str, own: Path = OWN) -> ScenarioFile:
    """Return the scenario in a file, or the one with a name.

    Raises:
        UsageError: There is none, or it is not valid.
    """
    if name.endswith(".toml"):
        return read_scenario(Path(name))
    files = scenario_files(own)
    if name not in files:
        near = difflib.get_close_matches(name, files, n=1)
        raise UsageError(
            f"there is no scenario {name!r}",
            hint=f"did you mean {near[0]!r}?"
            if near
            else f"give a file ending in .toml, or one of: {', '.join(sorted(files))}",
        )
    return read_scenario(files[name])
