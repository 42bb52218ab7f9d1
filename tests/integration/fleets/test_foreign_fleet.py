"""A fleet in another language, with words and units of its own, is judged like any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration.fleets.verdicts import changed, statuses, verified
from trackproof.testbed.conductor import ConductorServer

NODE_FLEET = Path(__file__).parents[2] / "fleets" / "node" / "fleet.toml"
TASKS = ("generate_dynamic_fork_tasks", "merge_transcripts", "send_webhook")
MILLISECONDS = '{ name = "from_ms", unit = "ms" }'

pytestmark = [
    pytest.mark.conductor,
    pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on this machine"),
]


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
    output = f'"all_words[].start" = {MILLISECONDS}'
    wrong = changed(profile.read_text(), (output, '"all_words[].start" = "from_ms"'))
    profile.write_text(wrong)

    told = verified(profile, conductor, "merge_transcripts.speakers", tmp_path / "verdict.json")

    assert statuses(told) == {"merge_transcripts.speakers": "failed"}
