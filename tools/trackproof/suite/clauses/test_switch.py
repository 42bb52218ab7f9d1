"""Clauses of contracts/switch.yaml: which pipeline starts, and the fallback."""

from __future__ import annotations

import pytest

from trackproof.suite.assertions import expect
from trackproof.suite.clauses.trials import (
    expect_legacy,
    expect_pipelines,
    expect_shadow,
    expect_stored,
)
from trackproof.suite.harness import Harness
from trackproof.suite.product.processes import switch_variables
from trackproof.suite.product.trial import ENDED, ProductTrial

pytestmark = pytest.mark.late(3)

FALLBACKS = ("refused", "error", "page", "hang", "running")


@pytest.mark.clause("switch.conductor-only")
@pytest.mark.parametrize("case", ["webhook", "polled", "twice"])
def test_conductor_alone_starts_no_legacy_pipeline(
    case: str, trial: ProductTrial, harness: Harness
) -> None:
    expect_pipelines(trial, case, workflows=1, legacy=0)


@pytest.mark.clause("switch.legacy-only")
@pytest.mark.parametrize("case", ["legacy", "legacy with shadow mode"])
def test_disabled_conductor_starts_no_workflow(
    case: str, trial: ProductTrial, harness: Harness
) -> None:
    expect_legacy(trial)
    if case not in trial.outcomes:
        return  # its switch has no position for it
    outcome = expect_pipelines(trial, case, workflows=0, legacy=1)
    expect(outcome.requests, "requests for a workflow").equals(0)


@pytest.mark.clause("switch.shadow")
def test_shadow_mode_starts_both(trial: ProductTrial, harness: Harness) -> None:
    expect_pipelines(trial, "shadow", workflows=1, legacy=1)
    expect_stored(trial, "shadow")


@pytest.mark.clause("switch.shadow")
def test_legacy_pipeline_starts_where_the_shadow_run_cannot(
    trial: ProductTrial, harness: Harness
) -> None:
    expect_pipelines(trial, "shadow without conductor", workflows=0, legacy=1)


@pytest.mark.clause("switch.unknown-value")
def test_unknown_value_stops_the_start(trial: ProductTrial, harness: Harness) -> None:
    for variable in switch_variables(trial.trigger):
        code, log = trial.unknown[variable]
        expect(code, f"exit code with an unknown value of {variable}").holds(
            code not in (None, 0), "an error"
        )
        expect(log[-500:], "end of the log").holds(
            variable.lower() in log.lower(), f"the name {variable}"
        )


@pytest.mark.clause("switch.shadow-completes")
def test_shadow_run_completes(trial: ProductTrial, harness: Harness) -> None:
    expect_shadow(trial)
    expect(trial.ended.get("shadow"), "status of the shadow run").equals("COMPLETED")
    row = harness.fleet.transcript(str(trial.shadow["shadow"]))
    expect(row.get("words"), "words of the shadow run").is_filled()


@pytest.mark.clause("switch.shadow-silent")
def test_shadow_run_reaches_nobody(trial: ProductTrial, harness: Harness) -> None:
    expect_shadow(trial)
    expect(trial.ended.get("shadow"), "status of the shadow run").holds(
        trial.ended.get("shadow") in ENDED, "ended"
    )
    expect(trial.deliveries(), "deliveries of the meeting").equals({"webhooks": 1, "messages": 1})
    if harness.fleet.profile.events_sql:
        workflow = trial.outcomes["shadow"].workflow_ids[0]
        events = harness.fleet.events(str(trial.shadow["counting"]))
        own = [name for name, data in events if workflow in map(str, data.values())]
        expect(own, "events of the shadow run in the room of the meeting").equals([])


@pytest.mark.parametrize(
    "case",
    [
        pytest.param("refused", marks=pytest.mark.clause("switch.fallback-refused")),
        pytest.param("error", marks=pytest.mark.clause("switch.fallback-error")),
        pytest.param("page", marks=pytest.mark.clause("switch.fallback-error")),
        pytest.param("hang", marks=pytest.mark.clause("switch.fallback-hang")),
    ],
)
def test_failed_start_falls_back_once(case: str, trial: ProductTrial, harness: Harness) -> None:
    expect_pipelines(trial, case, workflows=0, legacy=1)


@pytest.mark.clause("switch.lost-answer")
def test_lost_answer_processes_the_recording_once(trial: ProductTrial, harness: Harness) -> None:
    outcome = trial.outcomes["lost"]
    expect(outcome.workflow_ids, "workflows that were started").is_filled()
    expect_stored(trial, "lost")
    rest = harness.testbed.rest
    kept = [
        one
        for one in outcome.workflow_ids
        if rest.workflow(one, include_tasks=False)["status"] != "TERMINATED"
    ]
    working = len(kept) + outcome.legacy
    expect(working, "pipelines that process the recording").equals(1)


@pytest.mark.clause("switch.outage")
def test_running_meeting_falls_back_once(trial: ProductTrial, harness: Harness) -> None:
    expect_pipelines(trial, "running", workflows=1, legacy=1, what="recording that was running")
    expect_stored(trial, "running")
    status = trial.ended.get("running")
    expect(status, "status of its workflow after the outage").holds(
        status in ENDED - {"COMPLETED"}, "TERMINATED"
    )


@pytest.mark.clause("switch.fallback-log")
@pytest.mark.parametrize("case", FALLBACKS)
def test_fallback_is_logged(case: str, trial: ProductTrial, harness: Harness) -> None:
    expect_legacy(trial)
    names = trial.names_of(case)
    entries = trial.log_entries(*names)
    errors = [one for one in entries if "error" in one.lower() or "exception" in one.lower()]
    expect(entries[-3:], "log entries about the recording").holds(
        bool(errors), f"an error with {' or '.join(sorted(names))}"
    )


@pytest.mark.clause("switch.no-fallback")
def test_without_fallback_no_legacy_pipeline_starts(trial: ProductTrial, harness: Harness) -> None:
    outcome = expect_pipelines(trial, "not started", workflows=0, legacy=0)
    expect(outcome.requests, "requests for a workflow, all refused").holds(
        outcome.requests > 0, "at least one"
    )
