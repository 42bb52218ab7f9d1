"""Clause `<task>.every-run`: rules for every run of a task, in whichever test it ran."""

from __future__ import annotations

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.runs.ids import new_id
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.every_task import valid_input
from trackproof.suite.clauses.outside_calls import FINISHED, fresh_seed
from trackproof.suite.clauses.random_inputs import RANDOM_TASKS, Draw, random_input
from trackproof.suite.harness import Harness
from trackproof.suite.run_rules import EVERY_RUN

SHOWN = 12
"""Lines in a report; more of them have the same causes."""


@pytest.mark.parametrize("earlier", [False, True], ids=["new meeting", "earlier result"])
@pytest.mark.parametrize(
    "task",
    [pytest.param(task, marks=pytest.mark.clause(f"{task}.{EVERY_RUN}")) for task in RANDOM_TASKS],
)
def test_random_inputs_break_no_rule(task: str, earlier: bool, harness: Harness) -> None:
    """Two inputs about one meeting: the second finds the result of the first."""
    draw = Draw(new_id())
    seed = fresh_seed() if task == "transcribe_track" else 0
    columns = draw.columns() if earlier else {}
    meeting = harness.meeting(tracks=2, seconds=6, seed=seed, silent=[1], **columns)

    for _ in range(2):
        run = harness.run_task(task, random_input(harness, task, meeting, draw))

        expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
        harness.clear_faults()
    expect(harness.broken_rules_of_test(), "rules that a run broke").equals({})


@pytest.mark.late(3)
@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, marks=pytest.mark.clause(f"{task}.{EVERY_RUN}"))
        for task in load_contracts().tasks
    ],
)
def test_no_run_broke_a_rule(task: str, harness: Harness) -> None:
    """In no test before this one that passed, nor in a run of its own if there was none."""
    if task not in harness.judged_tasks:
        meeting = harness.meeting(tracks=2, seconds=6, offsets=[0, 2], **FINISHED)
        harness.run_task(task, valid_input(harness, task, meeting))
        harness.record_broken_rules("a run of its own", alone=True)

    lines = harness.broken_rules.get(task, [])[:SHOWN]
    expect(lines, "rules that a run broke, with the test of the run").equals([])
