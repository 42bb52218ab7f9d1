"""No acceptance criterion of the product is forgotten."""

from __future__ import annotations

from dataclasses import replace

from trackproof.contracts.load import load_contracts
from trackproof.contracts.traceability import check_tracing, load_criteria


def test_every_criterion_names_clauses_that_are_there() -> None:
    assert check_tracing(load_contracts(), load_criteria()) == []


def test_all_criteria_of_the_task_list_are_there() -> None:
    criteria = load_criteria()

    assert len(criteria) == 163
    assert len({criterion.item for criterion in criteria}) == 42


def test_a_clause_that_is_not_there_is_named_with_the_nearest_one() -> None:
    criterion = replace(load_criteria()[-1], clauses=("pad_track.ofset",), not_a_worker=None)

    finding = check_tracing(load_contracts(), [criterion])[0]

    assert finding.file == "seed.yaml"
    assert finding.pointer == "/TEST-003"
    assert "pad_track.ofset" in finding.what
    assert finding.hint == "did you mean pad_track.offset?"


def test_a_seed_item_that_is_not_there_is_named_with_the_nearest_one() -> None:
    contracts = load_contracts()
    task = contracts.tasks["pad_track"]
    strange = replace(task.clauses[0], seed="TASK-077")
    broken = replace(task, seed=("TASK-004d",), clauses=(strange, *task.clauses[1:]))
    tasks = {**contracts.tasks, "pad_track": broken}

    findings = check_tracing(replace(contracts, tasks=tasks), load_criteria())

    assert [(finding.file, finding.pointer) for finding in findings] == [
        ("tasks/pad_track.yaml", "/seed/0"),
        ("tasks/pad_track.yaml", "/clauses/0/seed"),
    ]
    assert findings[0].what == "the task list has no item TASK-004d"
    assert findings[0].hint.startswith("did you mean TASK-004")
