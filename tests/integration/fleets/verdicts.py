"""Fleets as a person judges them: by `trackproof verify`, on the session's server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from trackproof.fleet.load_profile import SHIPPED
from trackproof.testbed.conductor import ConductorServer

REFERENCE_TOML = (SHIPPED / "reference.toml").read_text(encoding="utf-8")
JUDGING_SECONDS = 280


def verified(profile: Path, conductor: ConductorServer, only: str, result: Path) -> dict[str, Any]:
    """Return the verdict of `trackproof verify`, as its JSON file tells it."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "trackproof", "verify", "--fleet", profile, "--only", only),
            *("--conductor", conductor.api_url, "--json", result),
            *("--failures", result.parent / "failures"),
        ],
        capture_output=True,
        text=True,
        timeout=JUDGING_SECONDS,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(result.read_text())
    return told


def statuses(told: dict[str, Any]) -> dict[str, str]:
    """Return each clause's status by its id."""
    return {clause["id"]: clause["status"] for task in told["tasks"] for clause in task["clauses"]}


def changed(text: str, *changes: tuple[str, str]) -> str:
    """Return a profile with pieces of it replaced, each of which stands there once."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text
