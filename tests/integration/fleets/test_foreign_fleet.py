"""A fleet in another language, with words and units of its own, is judged like any other."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.testbed.conductor import ConductorServer

NODE_FLEET = Path(__file__).parents[2] / "fleets" / "node" / "fleet.toml"
TASKS = ("generate_dynamic_fork_tasks", "merge_transcripts", "send_webhook")
MILLISECONDS = '{ name = "from_ms", unit = "ms" }'

pytestmark = [
    pytest.mark.conductor,
    pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on this machine"),
]


def verified(profile: Path, conductor: ConductorServer, only: str, result: Path) -> dict[str, Any]:
    """Return the verdict of `trackproof verify`, as its JSON file tells it."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tools.cli", "verify", "--fleet", profile, "--only", only),
            *("--conductor", conductor.api_url, "--json", result),
        ],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(result.read_text())
    return told


def statuses(told: dict[str, Any]) -> dict[str, str]:
    return {clause["id"]: clause["status"] for task in told["tasks"] for clause in task["clauses"]}


def test_a_fleet_in_node_keeps_the_contracts_in_its_own_words(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    told = verified(NODE_FLEET, conductor, ",".join(TASKS), tmp_path / "verdict.json")

    assert told["verdict"] == "held", told
    found = statuses(told)
    assert {name.partition(".")[0] for name in found} == set(TASKS)
    assert set(found.values()) == {"passed"}


def test_a_profile_that_is_wrong_about_a_unit_is_found_out(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    shutil.copytree(NODE_FLEET.parent, tmp_path / "node")
    profile = tmp_path / "node" / "fleet.toml"
    right = profile.read_text()
    output = f'"all_words[].start" = {MILLISECONDS}'
    assert output in right
    profile.write_text(right.replace(output, '"all_words[].start" = "from_ms"'))

    told = verified(profile, conductor, "merge_transcripts.speakers", tmp_path / "verdict.json")

    assert statuses(told) == {"merge_transcripts.speakers": "failed"}
