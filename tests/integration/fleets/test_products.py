"""Other products around a fleet: on Redis, after the move, and a fleet of workers alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration.fleets.verdicts import REFERENCE_TOML, replaced, statuses, verify
from trackproof.contracts.load import load_contracts
from trackproof.testbed.conductor import ConductorServer

pytestmark = [pytest.mark.conductor, pytest.mark.nightly, pytest.mark.timeout(600)]

PARTS = "trigger,switch,comparison,deployment"
BROKER = 'broker = "{trigger.folder}/celery/queue"\n'


def part_clauses() -> set[str]:
    return {clause.id for clause in load_contracts().part_clauses}


@pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is not installed")
def test_a_product_whose_broker_is_redis_is_judged(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    profile = tmp_path / "fleet.toml"
    profile.write_text(
        replaced(
            REFERENCE_TOML,
            (BROKER, 'broker = "{redis.url}"\n'),
            (
                'DATA_DIR = "{trigger.folder}"\n',
                'DATA_DIR = "{trigger.folder}"\nCELERY_BROKER_URL = "{redis.url}"\n',
            ),
        )
    )

    verdict = verify(profile, conductor, PARTS, tmp_path / "verdict.json")

    assert statuses(verdict) == dict.fromkeys(part_clauses(), "passed")


def test_a_product_after_the_move_is_judged_without_its_legacy_pipeline(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    profile = tmp_path / "fleet.toml"
    profile.write_text(replaced(REFERENCE_TOML, (BROKER, "")))

    verdict = verify(profile, conductor, PARTS, tmp_path / "verdict.json")

    judged = {name for name, status in statuses(verdict).items() if status == "passed"}
    assert judged > {"trigger.once", "switch.lost-answer", "deployment.without-legacy"}
    assert statuses(verdict) == {
        name: "passed" if name in judged else "not_visible" for name in part_clauses()
    }
    assert "switch.outage" not in judged


def test_a_fleet_of_workers_alone_has_no_product_to_judge(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    profile = tmp_path / "fleet.toml"
    profile.write_text(REFERENCE_TOML[: REFERENCE_TOML.index("[trigger]")])

    verdict = verify(profile, conductor, f"{PARTS},finalize.status", tmp_path / "verdict.json")

    assert statuses(verdict) == {
        **dict.fromkeys(part_clauses(), "not_visible"),
        "finalize.status": "passed",
    }
    assert verdict["verdict"] == "held in part"
