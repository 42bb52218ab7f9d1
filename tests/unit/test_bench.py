"""The benchmarks can run; `nox -s bench` measures."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest

from tests.bench import Figure
from tests.bench.__main__ import benchmark_names, main
from tests.bench.validation import ordinary_payloads
from trackproof.contracts.load import load_contracts
from trackproof.contracts.validate import check


def test_every_benchmark_has_measure() -> None:
    modules = [import_module(f"tests.bench.{name}") for name in benchmark_names()]

    assert [module.__name__ for module in modules if not hasattr(module, "measure")] == []


def test_the_measured_payloads_are_valid() -> None:
    payloads = ordinary_payloads()

    assert payloads.keys() == load_contracts().tasks.keys()
    for task, (payload, output) in payloads.items():
        check(task, "input", payload)
        check(task, "output", output)


def test_the_report_contains_every_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = [Figure("it", 3.0, "ms", 150.0)]
    monkeypatch.setattr("tests.bench.validation.measure", lambda: figures)
    report = tmp_path / "folder" / "bench.json"

    assert main(["validation", "--json", str(report)]) == 0
    assert json.loads(report.read_text())["benchmarks"] == {
        "validation": [
            {"what": "it", "measured": 3.0, "unit": "ms", "promised": 150.0, "ratio": 0.02}
        ]
    }


def test_an_unknown_benchmark_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["nonsense"])

    assert "unknown benchmarks: nonsense; known: " in capsys.readouterr().err
