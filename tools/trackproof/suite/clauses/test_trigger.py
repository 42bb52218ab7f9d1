"""Clauses of contracts/trigger.yaml: recordings that start a workflow, and those that do not."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from trackproof.contracts.load import load_contracts
from trackproof.lab import RECORDING_BUCKET
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.trials import expect_pipelines, expect_stored
from trackproof.suite.harness import Harness
from trackproof.suite.product.trial import ProductTrial

pytestmark = pytest.mark.late(3)

CONSTANTS = load_contracts().parts["trigger"].constants


def given_input(trial: ProductTrial, case: str) -> dict[str, Any]:
    """Return the input of a case's workflow."""
    ids = trial.outcomes[case].workflow_ids
    expect(ids, "workflows that were started").is_filled()
    return dict(trial.harness.testbed.rest.workflow(ids[0]).get("input") or {})


@pytest.mark.clause("trigger.webhook")
def test_webhook_starts_one_workflow(trial: ProductTrial, harness: Harness) -> None:
    answer = trial.answers["webhook"]
    expect(str(answer), "answer to the webhook").holds(answer.accepted, "a 2xx")
    expect_pipelines(trial, "webhook", workflows=1, legacy=0)


@pytest.mark.clause("trigger.polling")
def test_listed_recording_starts_one_workflow(trial: ProductTrial, harness: Harness) -> None:
    expect_pipelines(trial, "polled", workflows=1, legacy=0, what="recording that Daily lists")


@pytest.mark.clause("trigger.once")
def test_recording_of_two_processes_starts_one_workflow(
    trial: ProductTrial, harness: Harness
) -> None:
    expect_pipelines(trial, "twice", workflows=1, legacy=0)


@pytest.mark.clause("trigger.once")
def test_recording_that_comes_again_starts_no_second_workflow(
    trial: ProductTrial, harness: Harness
) -> None:
    started = trial.outcomes["webhook again"].workflow_ids
    expect(len(started), "workflows of a recording that was reported four times").equals(1)


@pytest.mark.clause("trigger.input")
@pytest.mark.parametrize("case", ["webhook", "polled", "twice"])
def test_input_is_that_of_the_recording(case: str, trial: ProductTrial, harness: Harness) -> None:
    scenario = trial.cases[case].scenario
    given = given_input(trial, case)

    expect(
        {name: given.get(name) for name in CONSTANTS["input"] if name != "transcript_id"},
        "input of the workflow, without transcript_id",
    ).has(
        {
            "recording_id": scenario.recording_id,
            "room_name": scenario.room_name,
            "bucket_name": RECORDING_BUCKET,
            "room_id": scenario.room_id,
        }
    )
    expect(given.get("transcript_id"), "transcript_id").is_filled()
    tracks = given.get("tracks")
    shaped = (
        isinstance(tracks, list)
        and bool(tracks)
        and all(isinstance(one, dict) and set(one) == {"s3_key"} for one in tracks)
    )
    expect(tracks, "tracks").holds(shaped, "a list of {s3_key}")
    schema = load_contracts().workflow_input
    violations = [
        error.message for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(given)
    ]
    expect(violations, "violations of workflow_input.yaml").equals([])
    if harness.fleet.exposes_rows:
        row = harness.fleet.transcript(str(given["transcript_id"]))
        expect(bool(row), "whether the transcript is stored").equals(True)


@pytest.mark.clause("trigger.cam-audio")
def test_tracks_are_those_of_microphones(trial: ProductTrial, harness: Harness) -> None:
    given = given_input(trial, "twice").get("tracks") or []
    keys = [one.get("s3_key") if isinstance(one, dict) else one for one in given]
    expect(sorted(map(str, keys)), "keys of the tracks").equals(
        sorted(trial.cases["twice"].audio_keys)
    )


@pytest.mark.clause("trigger.workflow-id")
@pytest.mark.parametrize("case", ["webhook", "polled", "twice"])
def test_recording_stores_its_workflow(case: str, trial: ProductTrial, harness: Harness) -> None:
    expect_stored(trial, case)


@pytest.mark.clause("trigger.log")
@pytest.mark.parametrize("case", ["webhook", "polled"])
def test_start_is_logged_with_both_ids(case: str, trial: ProductTrial, harness: Harness) -> None:
    transcript = str(given_input(trial, case).get("transcript_id"))
    (workflow,) = trial.outcomes[case].workflow_ids[:1]
    entries = trial.log_entries(CONSTANTS["log"])
    found = [entry for entry in entries if workflow in entry and transcript in entry]
    expect(entries[-3:], f"log entries with '{CONSTANTS['log']}'").holds(
        bool(found), f"one with {workflow} and {transcript}"
    )


@pytest.mark.clause("trigger.repeated")
def test_recording_that_could_not_start_is_started_later(
    trial: ProductTrial, harness: Harness
) -> None:
    before, after = trial.outcomes["not started"], trial.outcomes["started later"]
    expect(before.requests, "requests for a workflow, all refused").holds(
        before.requests > 0, "at least one"
    )
    expect(len(after.workflow_ids), "workflows after it was reported again").equals(1)


@pytest.mark.parametrize(
    "clause",
    [
        pytest.param(name, marks=pytest.mark.clause(f"trigger.{name}"))
        for name in (
            *("signature", "too-large", "unreadable", "unknown-room", "no-tracks", "bad-keys"),
            "other-events",
        )
    ],
)
def test_bad_webhook_is_refused_and_starts_nothing(
    clause: str, trial: ProductTrial, harness: Harness
) -> None:
    refusals = [one for one in trial.refusals if one.bad.clause == clause]
    accepted = [
        f"{one.bad.what}: {one.answer}"
        for one in refusals
        if one.bad.is_refused
        and not (one.answer.refused or (clause == "too-large" and one.answer.is_closed))
    ]
    expect(accepted, "webhooks that were not refused").equals([])
    started = [one.bad.what for one in refusals if one.started]
    expect(started, "webhooks that started a pipeline").equals([])


@pytest.mark.clause("trigger.refusal-log")
def test_refused_webhook_is_logged(trial: ProductTrial, harness: Harness) -> None:
    silent = [one.bad.what for one in trial.refusals if not one.logged]
    expect(silent, "refused webhooks without a line in the log").equals([])
