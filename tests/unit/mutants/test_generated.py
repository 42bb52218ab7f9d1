"""Faults that are derived from the fleet's code: their ids, scope, triage and table."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from tests.mutants.generated.faults import Fault, faults_in, faults_of
from tests.mutants.generated.launch import ReplacedModule
from tests.mutants.generated.results import FaultResult, ResultFile, as_markdown, table
from tests.mutants.generated.run import sample
from tests.mutants.generated.scope import (
    clauses_for,
    left_out,
    modules_with_code,
    reached_modules,
    row_of,
)
from tests.mutants.generated.triage import VERDICTS, Triage, Triaged, load_triage
from tests.mutants.runner import main

pytestmark = pytest.mark.slow

CODE = """
class Mixer:
    @property
    def gain(self) -> float:
        return self._gain + 1

def mix(track):
    log.info("mixed", 2)
    return track.gain + track.gain
"""


def named(name: str) -> list[Fault]:
    return [fault for fault in faults_in("audio.mixer", CODE) if fault.id.startswith(name)]


def test_a_fault_has_its_place_its_operator_and_its_change() -> None:
    [fault] = named("audio.mixer.mix:swap_op")

    assert fault.module == "audio.mixer"
    assert fault.function == "mix"
    assert fault.change == "- return track.gain + track.gain\n+ return track.gain - track.gain"
    assert fault.make() == CODE.replace("track.gain + ", "track.gain - ")


def test_decorated_functions_have_faults_too() -> None:
    assert [fault.change for fault in named("audio.mixer.Mixer.gain:number")] == [
        "- return self._gain + 1\n+ return self._gain + 2"
    ]


def test_ids_are_unique_and_do_not_depend_on_other_lines() -> None:
    moved = CODE.replace("def mix", "LIMIT = 3\n\n\ndef mix")
    before = [fault.id for fault in faults_in("m", CODE)]

    after = [fault.id for fault in faults_in("m", moved)]

    assert len(set(before)) == len(before)
    assert [name for name in after if "m:" not in name] == before


def test_every_module_of_the_fleet_is_reached_or_left_out_with_a_reason() -> None:
    reached, reasons = reached_modules(), left_out()
    homes = {
        module: [name for name in {*reached, *reasons} if _within(module, name)]
        for module in modules_with_code()
    }

    assert {module: names for module, names in homes.items() if len(names) != 1} == {}
    assert all(reasons.values())
    functions = {name: module for module in reached for name in reasons if _within(name, module)}
    stale = {
        name
        for name, module in functions.items()
        if not any(_within(fault.id.partition(":")[0], name) for fault in faults_of(module))
    }
    assert stale == set()
    assert {module for module in reached if not clauses_for(module)} == set()


def _within(module: str, name: str) -> bool:
    return module == name or module.startswith(f"{name}.")


def test_a_module_is_judged_by_what_it_reaches() -> None:
    clauses = clauses_for("workers.finalize")

    tasks = list(dict.fromkeys(name.partition(".")[0] for name in clauses))
    assert tasks == ["finalize", "pipeline"]
    assert "finalize.definition" not in clauses
    assert "pipeline.drain" not in clauses
    assert "pipeline.drain" in clauses_for("runner")
    assert row_of("workers.finalize") == "finalize"
    assert row_of("services.http") == "several tasks (services)"
    assert row_of("executor") == "several tasks (core)"


def test_a_sample_has_the_order_of_its_seed_without_what_a_rule_leaves_out() -> None:
    triage = load_triage()
    modules = ["workers.finalize"]
    first = [fault.id for fault in islice(sample(modules, "1", triage), 5)]

    assert [fault.id for fault in islice(sample(modules, "1", triage), 5)] == first
    assert [fault.id for fault in islice(sample(modules, "2", triage), 5)] != first
    [logged, *_] = named("audio.mixer.mix:string")
    assert triage.is_ruled_out(logged)
    assert not triage.is_ruled_out(named("audio.mixer.mix:swap_op")[0])


def test_every_triaged_fault_is_in_the_code_with_its_change_and_a_reason() -> None:
    triaged = load_triage().faults
    modules = [name for name in reached_modules() if any(one.startswith(name) for one in triaged)]
    known = {fault.id: fault for module in modules for fault in faults_of(module)}

    assert [name for name in triaged if name not in known] == []
    assert {
        name: known[name].change
        for name, one in triaged.items()
        if known[name].change != one.change.strip()
    } == {}
    assert [name for name, one in triaged.items() if one.verdict not in VERDICTS] == []
    assert [name for name, one in triaged.items() if not one.reason] == []


def result(name: str, outcome: str, module: str = "workers.finalize") -> FaultResult:
    return FaultResult(name, module, "- a\n+ b", outcome, (), "", 1.0)  # type: ignore[arg-type]


def test_the_table_counts_by_task_and_scores_what_is_not_equivalent() -> None:
    triage = Triage(
        (), {"e": Triaged("equivalent", "", "same"), "o": Triaged("outside", "", "free")}
    )
    outcomes = {
        "k": "killed",
        "s": "does not start",
        "e": "survived",
        "o": "unclear",
        "u": "survived",
    }
    results = [result(name, outcome) for name, outcome in outcomes.items()]

    rows = table([*results, result("x", "killed", "services.http")], triage)

    assert Counter(row.name for row in rows) == Counter(
        ["finalize", "several tasks (services)", "all"]
    )
    assert as_markdown(rows).splitlines()[2:] == [
        "| finalize | 1 | 1 | 1 | 1 | 0 | 1 | 33 % | 50 % |",
        "| several tasks (services) | 1 | 0 | 0 | 0 | 0 | 0 | 100 % | 100 % |",
        "| all | 2 | 1 | 1 | 1 | 0 | 1 | 50 % | 67 % |",
    ]


def test_the_newest_result_of_a_fault_counts(tmp_path: Path) -> None:
    file = ResultFile(tmp_path / "results" / "generated.ndjson")
    assert file.read() == {}
    for outcome in ("survived", "killed"):
        file.append(result("a", outcome))

    assert file.read() == {"a": result("a", "killed")}


def test_one_module_is_loaded_from_the_faulty_file(tmp_path: Path) -> None:
    finder = ReplacedModule("reference_workers.text", tmp_path / "faulty.py")

    spec = finder.find_spec("reference_workers.text", None)

    assert spec is not None
    assert spec.origin == str(tmp_path / "faulty.py")
    assert finder.find_spec("reference_workers.errors", None) is None


def test_an_unknown_module_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--generated", "1", "--only", "audio.none"])

    assert "--only: no module of scope.yaml: audio.none" in capsys.readouterr().err
