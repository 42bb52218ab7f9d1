"""The whole suite, as a user runs it: the reference fleet passes with full coverage."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.conductor
@pytest.mark.timeout(900)
def test_the_reference_fleet_passes_every_clause_with_full_coverage(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "trackproof", "verify", "--conductor", "process"]
    command += ["--floor", "100", "--json", str(report), "--failures", str(tmp_path / "failures")]

    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert completed.returncode == 0, completed.stdout + completed.stderr
    report_data = json.loads(report.read_text())
    assert report_data["verdict"] == "held"
    assert report_data["shortfalls"] == []
    assert all(
        clause["status"] == "passed" for one in report_data["tasks"] for clause in one["clauses"]
    )
