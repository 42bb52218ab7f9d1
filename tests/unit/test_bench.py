"""The benchmarks run; `nox -s bench` measures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import Figure
from tests.bench.__main__ import as_table, main
from tests.bench.validation import ordinary_payloads
from trackproof.contracts.load import load_contracts
from trackproof.contracts.validate import check


def test_the_measured_payloads_are_valid_for_every_task() -> None:
    payloads = ordinary_payloads()

    assert payloads.keys() == load_contracts().tasks.keys()
    for task, (payload, output) in payloads.items():
        check(task, "input", payload)
        check(task, "output", output)


def test_a_figure_is_compared_with_its_promise() -> None:
    assert Figure("it", 3.0, "ms", 150.0).ratio == pytest.approx(0.02)
    assert Figure("it", 3.0, "ms").ratio is None
    assert as_table("all", [Figure("it", 3.0, "ms", 150.0), Figure("other", 1, "s")]).row_count == 2


def test_a_benchmark_writes_every_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = [Figure("it", 3.0, "ms", 150.0)]
    monkeypatch.setattr("tests.bench.validation.measure", lambda: figures)
    report = tmp_path / "folder" / "bench.json"

    assert main(["validation", "--json", str(report)]) == 0
    assert json.loads(report.read_text())["benchmarks"] == {
        "validation": [
            {"what": "it", "measured": 3.0, "unit": "ms", "promised": 150.0, "ratio": 0.02}
        ]
    }


def test_an_unknown_benchmark_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["nonsense"])

    assert caught.value.code == 2
    assert "unknown benchmarks: nonsense; known: " in capsys.readouterr().err
