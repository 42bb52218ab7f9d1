from __future__ import annotations

from dataclasses import replace

from trackproof.contracts.load import load_contracts
from trackproof.contracts.traceability import check_traceability, load_criteria


def test_every_criterion_and_every_item_reference_is_valid() -> None:
    assert check_traceability(load_contracts(), load_criteria()) == []


def test_all_criteria_of_the_task_list_are_covered() -> None:
    criteria = load_criteria()

    assert len(criteria) == 163
    assert len({criterion.item for criterion in criteria}) == 42


def test_the_defect_of_an_unknown_clause_suggests_the_closest_clause() -> None:
    criterion = replace(load_criteria()[-1], clauses=("pad_track.ofset",), not_a_worker=None)

    defect = check_traceability(load_contracts(), [criterion])[0]

    assert defect.file == "seed.yaml"
    assert defect.pointer == "/TEST-003"
    assert "pad_track.ofset" in defect.what
    assert defect.hint == "did you mean pad_track.offset?"


def test_the_defect_of_an_unknown_item_suggests_the_closest_item() -> None:
    contracts = load_contracts()
    task = contracts.tasks["pad_track"]
    unknown = replace(task.clauses[0], seed="TASK-077")
    broken = replace(task, seed=("TASK-004d",), clauses=(unknown, *task.clauses[1:]))
    tasks = {**contracts.tasks, "pad_track": broken}

    defects = check_traceability(replace(contracts, tasks=tasks), load_criteria())

    assert [(defect.file, defect.pointer) for defect in defects] == [
        ("tasks/pad_track.yaml", "/seed/0"),
        ("tasks/pad_track.yaml", "/clauses/0/seed"),
    ]
    assert defects[0].what == "the task list has no item TASK-004d"
    assert defects[0].hint.startswith("did you mean TASK-004")
