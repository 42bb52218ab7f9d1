from __future__ import annotations

from dataclasses import replace

from trackproof.contracts.load import load_contracts
from trackproof.contracts.traceability import (
    check_traceability,
    effect_names,
    load_criteria,
    promise_names,
)


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


def test_a_promise_without_clause_or_reason_is_a_defect() -> None:
    contracts = load_contracts()
    task = contracts.tasks["get_recording"]
    judged = {name: clauses for name, clauses in task.judged_by.items() if name != "meetings.id"}
    tasks = {**contracts.tasks, "get_recording": replace(task, judged_by=judged)}

    (defect,) = check_traceability(replace(contracts, tasks=tasks), load_criteria())

    assert (defect.file, defect.pointer) == ("tasks/get_recording.yaml", "/judged_by")
    assert defect.what == "no clause judges 'meetings.id'"


def test_a_reason_may_stand_in_place_of_a_clause() -> None:
    contracts = load_contracts()
    task = contracts.tasks["get_recording"]
    judged = {**task.judged_by, "meetings.id": "no profile shows the rows of meetings"}
    tasks = {**contracts.tasks, "get_recording": replace(task, judged_by=judged)}

    assert check_traceability(replace(contracts, tasks=tasks), load_criteria()) == []


def test_unknown_promises_and_clauses_in_judged_by_are_defects() -> None:
    contracts = load_contracts()
    task = contracts.tasks["pad_track"]
    judged = {**task.judged_by, "presign_second": ["pad_track.presignd"]}
    tasks = {**contracts.tasks, "pad_track": replace(task, judged_by=judged)}

    defects = check_traceability(replace(contracts, tasks=tasks), load_criteria())

    assert [(defect.pointer, defect.what, defect.hint) for defect in defects] == [
        (
            "/judged_by/presign_second",
            "the task does not promise 'presign_second'",
            "did you mean presign_seconds?",
        ),
        (
            "/judged_by/presign_second",
            "there is no clause pad_track.presignd",
            "did you mean pad_track.presigned?",
        ),
    ]


def test_every_kind_of_effect_has_a_name() -> None:
    effects = {
        "s3": [{"bucket": "transcripts", "key": "a.mp3", "action": "put"}],
        "presign_seconds": 60,
        "database": [{"table": "meetings", "columns": ["id", "room"]}],
        "calls": [{"service": "llm", "operation": "ask", "count": "1"}],
        "events": ["TOPIC"],
    }

    assert effect_names(effects) == [
        "put transcripts/a.mp3",
        "presign_seconds",
        "meetings.id",
        "meetings.room",
        "llm.ask",
        "TOPIC",
    ]


def test_errors_idempotency_constants_and_defaults_are_promises_too() -> None:
    names = promise_names(load_contracts().tasks["detect_topics"])

    assert {
        "retryable: no answer from the LLM",
        "terminal: no such transcript",
        "idempotency.rule",
        "cache_key: model",
        "constant words_per_call",
        "default target_language",
    } <= set(names)
