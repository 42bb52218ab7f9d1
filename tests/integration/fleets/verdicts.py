"""Run `trackproof verify` on the session's server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from trackproof.fleet.load_profile import SHIPPED
from trackproof.testbed.conductor import ConductorServer

REFERENCE_TOML = (SHIPPED / "reference.toml").read_text(encoding="utf-8")
VERIFY_SECONDS = 280


def verify(
    profile: Path,
    conductor: ConductorServer,
    only: str,
    result: Path,
    *options: str,
    seconds: float = VERIFY_SECONDS,
) -> dict[str, Any]:
    """Return the JSON verdict of `trackproof verify`."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "trackproof", "verify", "--fleet", profile, "--only", only),
            *("--conductor", conductor.api_url, "--json", result),
            *("--failures", result.parent / "failures"),
            *options,
        ],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    verdict: dict[str, Any] = json.loads(result.read_text())
    return verdict


def statuses(verdict: dict[str, Any]) -> dict[str, str]:
    """Return the status of each clause by its id."""
    return {
        clause["id"]: clause["status"] for task in verdict["tasks"] for clause in task["clauses"]
    }


def replaced(text: str, *changes: tuple[str, str]) -> str:
    """Return a profile with replacements of texts that occur exactly once."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text
