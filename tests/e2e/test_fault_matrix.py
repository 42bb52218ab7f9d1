"""A sample of the fault matrix, another one every day: no cell is wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.cells import all_cells, sample
from tests.faults.runner import main
from trackproof.testbed.postgres import find_programs

CELLS = 8
SHORT_CELLS = 2


@pytest.mark.conductor
@pytest.mark.timeout(300)
def test_no_short_cell_of_today_is_wrong(tmp_path: Path) -> None:
    """Faults of one connection to a service, in one lane: half a minute."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    short = [
        cell
        for cell in all_cells()
        if cell.lasting == "once" and cell.kind in {"reset", "cut"} and cell.place in SERVICES
    ]
    chosen = ",".join(cell.id for cell in sample(short, SHORT_CELLS, today))
    report = tmp_path / "faults.json"

    code = main(["--only", chosen, "--jobs", "1", "--database", "sqlite", "--json", str(report)])

    cells = json.loads(report.read_text())["cells"]
    assert [one for one in cells if one["outcome"] in {"WRONG", "error"}] == []
    assert (code, len(cells)) == (0, SHORT_CELLS)


SERVICES = frozenset({"daily", "modal", "llm", "zulip", "webhook"})


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
