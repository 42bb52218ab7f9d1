"""A matrix that is interrupted keeps what was judged, and goes on with the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.faults import runner
from tests.faults.jobs import LaneOptions, Numbered
from tests.faults.outcome import CellResult, Outcome
from tests.faults.runner import INTERRUPTED, main
from trackproof.errors import TrackproofError

CHOSEN = "finalize/database.hang,finalize/server.stop"
FIRST, *REST = [
    *(f"finalize/database.hang.{lasting}" for lasting in ("once", "3s", "for-good")),
    *(f"finalize/server.stop.{lasting}" for lasting in ("once", "3s", "for-good")),
]


class Jobs:
    """Stands for the lanes: judges some cells, then a user interrupts."""

    def __init__(self, number: int, outcome: Outcome = "exact") -> None:
        self.judged: list[str] = []
        self._number = number
        self._outcome: Outcome = outcome

    def __call__(
        self,
        options: LaneOptions,
        number: int,
        chosen: Sequence[Numbered],
        keep: Callable[[CellResult], None],
    ) -> bool:
        for _, cell in chosen[: self._number]:
            self.judged.append(cell.id)
            keep(CellResult(cell.id, cell.task, self._outcome, ""))
        return len(chosen) > self._number


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, jobs: Jobs, *more: str) -> int:
    monkeypatch.setattr(runner, "run_in_jobs", jobs)
    return main(["--only", CHOSEN, "--json", str(folder / "m.json"), *more])


def test_the_rest_runs_after_an_interruption(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path, Jobs(1), "--html", str(tmp_path / "m.html")) == INTERRUPTED
    assert "--resume runs the others" in capsys.readouterr().out
    assert FIRST in (tmp_path / "m.html").read_text()

    again = Jobs(9)
    assert run(monkeypatch, tmp_path, again, "--resume") == 0

    assert again.judged == REST
    cells = json.loads((tmp_path / "m.json").read_text())["cells"]
    assert [cell["id"] for cell in cells] == [FIRST, *REST]


def test_results_of_cells_that_are_no_more_are_dropped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run(monkeypatch, tmp_path, Jobs(1)) == INTERRUPTED
    report = tmp_path / "m.json"
    report.write_text(report.read_text().replace(FIRST, "finalize/tape.torn.once"))

    again = Jobs(9)
    assert run(monkeypatch, tmp_path, again, "--resume") == 0
    assert again.judged == [FIRST, *REST]


def test_results_are_reported_when_a_job_has_died(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def die(*args: Any) -> bool:
        Jobs(1)(*args)
        raise TrackproofError("5 of 6 cells have no result")

    monkeypatch.setattr(runner, "run_in_jobs", die)
    assert main(["--only", CHOSEN, "--json", str(tmp_path / "m.json")]) == 1
    shown = capsys.readouterr()
    assert "1 exact" in shown.out
    assert "5 of 6 cells have no result" in shown.err


def test_a_wrong_cell_runs_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, tmp_path, Jobs(9, "WRONG")) == 1

    again = Jobs(9)
    assert run(monkeypatch, tmp_path, again, "--resume") == 0
    assert again.judged == [FIRST, *REST]
