"""A fleet in another language, with its own names and units, is verified like any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration.fleets.verdicts import replaced, statuses, verify
from trackproof.testbed.conductor import ConductorServer

NODE_FLEET = Path(__file__).parents[2] / "fleets" / "node" / "fleet.toml"
TASKS = ("generate_dynamic_fork_tasks", "merge_transcripts", "send_webhook")
MILLISECONDS = '{ name = "from_ms", unit = "ms" }'

pytestmark = [
    pytest.mark.conductor,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
]


def test_node_fleet_passes_in_its_own_terms(conductor: ConductorServer, tmp_path: Path) -> None:
    verdict = verify(NODE_FLEET, conductor, ",".join(TASKS), tmp_path / "verdict.json")

    assert verdict["verdict"] == "held", verdict
    clause_statuses = statuses(verdict)
    assert {name.partition(".")[0] for name in clause_statuses} == set(TASKS)
    assert set(clause_statuses.values()) == {"passed"}


def test_profile_with_a_wrong_unit_fails(conductor: ConductorServer, tmp_path: Path) -> None:
    shutil.copytree(NODE_FLEET.parent, tmp_path / "node")
    profile = tmp_path / "node" / "fleet.toml"
    output = f'"all_words[].start" = {MILLISECONDS}'
    wrong = replaced(profile.read_text(), (output, '"all_words[].start" = "from_ms"'))
    profile.write_text(wrong)

    verdict = verify(profile, conductor, "merge_transcripts.speakers", tmp_path / "verdict.json")

    assert statuses(verdict) == {"merge_transcripts.speakers": "failed"}
