"""What a trial has seen decides the clauses about a product."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.fleet.profile import TriggerTerms
from trackproof.fleet.switch import position_variables
from trackproof.suite.assertions import ClauseViolation
from trackproof.suite.clauses.trials import expect_pipelines
from trackproof.suite.product.cases import Case
from trackproof.suite.product.processes import (
    legacy_with_shadow_mode,
    switch_variables,
)
from trackproof.suite.product.selection import STAGES, needed_stages
from trackproof.suite.product.trial import Outcome, ProductTrial
from trackproof.testbed.conductor.starts import WorkflowStart

TRIGGER = TriggerTerms(command=("t",), webhook_url="http://h", broker="/queue", seconds=0.1)
CASE = Case(SimpleNamespace(recording_id="rec-1", room_name="room-1"), ("room-1/key",))  # type: ignore[arg-type]


def process(
    starts: list[WorkflowStart] | None = None, messages: tuple[str, ...] = (), log: str = ""
) -> Any:
    def about(text: str) -> list[WorkflowStart]:
        return [one for one in starts or [] if text in one.body]

    return SimpleNamespace(
        broker=f"/queue/{len(messages)}",
        gateway=SimpleNamespace(starts=SimpleNamespace(about=about)),
        legacy_messages=lambda: list(messages),
        log=lambda: log,
    )


def trial(*processes: Any) -> ProductTrial:
    fleet = SimpleNamespace(profile=SimpleNamespace(recording_sql=""))
    harness = cast("Any", SimpleNamespace(fleet=fleet))
    running = {str(number): one for number, one in enumerate(processes)}
    return ProductTrial(harness, TRIGGER, running, {"case": CASE})


def test_pipelines_of_all_processes_count() -> None:
    started = WorkflowStart('{"recording_id": "rec-1"}', "w1")
    failed = WorkflowStart('{"recording_id": "rec-1"}', "")
    other = WorkflowStart('{"recording_id": "rec-2"}', "w2")
    seen = trial(
        process([started, other], ("task room-1/key", "task room-2/key")),
        process([failed], ("task room-1/key",)),
    )

    outcome = seen.outcome("case")

    assert outcome == Outcome(("w1",), 2, 2, ())
    assert seen.has_workflow("case")


def test_a_pipeline_too_many_or_too_few_is_a_violation() -> None:
    seen = trial(process())
    seen.outcomes["case"] = Outcome(("w1",), 1, 1, ())

    expect_pipelines(seen, "case", workflows=1, legacy=1)
    with pytest.raises(ClauseViolation, match="legacy pipelines"):
        expect_pipelines(seen, "case", workflows=1, legacy=0)
    with pytest.raises(ClauseViolation, match="pipelines started for the recording"):
        expect_pipelines(seen, "case", workflows=2, legacy=1)


def test_a_log_entry_has_the_lines_that_belong_to_it() -> None:
    log = "start rec-1\nerror: no answer\n  at line 1\nValueError: x\nrec-10 is another\nend rec-2"
    seen = trial(process(log=log))

    assert seen.log_entries("answer", "rec-2") == [
        "error: no answer\n  at line 1\nValueError: x",
        "end rec-2",
    ]


def test_a_wait_for_what_does_not_happen_ends() -> None:
    assert trial().wait_for(lambda: False) is False
    assert trial().wait_for(lambda: True) is True


def test_the_contract_sets_the_switch_where_the_profile_does_not() -> None:
    own = TriggerTerms(
        command=("t",),
        webhook_url="http://h",
        legacy={"PIPELINES": "old", "SAME": "1"},
        shadow={"PIPELINES": "both", "SAME": "1"},
        fallback={"PIPELINES": "new", "SOON": "1"},
        conductor={"PIPELINES": "only", "SAME": "1"},
    )

    assert position_variables(TRIGGER, "shadow")["CONDUCTOR_SHADOW_MODE"] == "true"
    assert switch_variables(TRIGGER) == ["CONDUCTOR_ENABLED", "CONDUCTOR_SHADOW_MODE"]
    assert switch_variables(own) == ["PIPELINES"]
    assert position_variables(own, "shadow") == {"PIPELINES": "both", "SAME": "1"}
    assert legacy_with_shadow_mode(own) is None
    mode = legacy_with_shadow_mode(TRIGGER)
    assert mode == {"CONDUCTOR_ENABLED": "false", "CONDUCTOR_SHADOW_MODE": "true"}


def test_every_clause_of_the_product_needs_a_stage() -> None:
    judged = frozenset.union(*STAGES.values())

    assert judged == {clause.id for clause in load_contracts().part_clauses}


def test_only_the_stages_of_the_judged_clauses_run() -> None:
    clauses = ["trigger.signature", "switch.outage", "pad_track.offset"]

    assert needed_stages(clauses, has_legacy=True) == {"bad", "outage"}
    assert needed_stages(clauses, has_legacy=False) == {"bad"}
