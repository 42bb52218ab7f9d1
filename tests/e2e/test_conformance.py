"""The whole suite as a user calls it: the reference fleet holds, and nothing is left untried."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.conductor
@pytest.mark.timeout(900)
def test_the_reference_fleet_holds_every_clause_and_all_is_exercised(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "trackproof", "verify", "--conductor", "process"]
    command += ["--floor", "100", "--json", str(report), "--failures", str(tmp_path / "failures")]

    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    verdict = json.loads(report.read_text())
    assert verdict["verdict"] == "held"
    assert verdict["shortfalls"] == []
    assert all(
        clause["status"] == "passed" for one in verdict["tasks"] for clause in one["clauses"]
    )
