"""A sample of the fault matrix, another one every day: no cell is wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.runner import main
from trackproof.testbed.postgres import find_programs

CELLS = 8


@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_no_cell_of_todays_sample_is_wrong(tmp_path: Path) -> None:
    database = "postgres" if find_programs() else "sqlite"
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    report = tmp_path / "faults.json"
    sampled = ["--sample", str(CELLS), "--seed", today, "--jobs", "2"]

    code = main([*sampled, "--database", database, "--json", str(report)])

    cells = json.loads(report.read_text())["cells"]
    assert len(cells) == CELLS
    assert [one for one in cells if one["outcome"] in {"WRONG", "error"}] == []
    assert code == 0
