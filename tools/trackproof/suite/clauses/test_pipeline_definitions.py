"""Clauses of contracts/pipeline.yaml on the registered workflow and task definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from trackproof.contracts.dataflow import check_dataflow
from trackproof.contracts.load import load_contracts
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.meetings import (
    contract_differences,
    optional_by_step,
    registered_definitions,
    worker_task_types,
)
from trackproof.suite.harness import Harness
from trackproof.suite.pipelines import expect_registered


@pytest.mark.clause("pipeline.valid")
def test_every_task_of_the_workflow_is_defined(
    workflow: Mapping[str, Any], harness: Harness
) -> None:
    used = set(worker_task_types(workflow["tasks"]))
    defined = {definition["name"] for definition in harness.testbed.rest.task_definitions()}

    expect(used - defined, "task types without a definition").equals(set())
    expect(used, "task types of the workflow").equals(set(load_contracts().tasks))


@pytest.mark.clause("pipeline.wiring")
def test_registered_workflow_passes_the_dataflow_check(workflow: Mapping[str, Any]) -> None:
    findings = check_dataflow(replace(load_contracts(), workflow=workflow))

    expect([str(finding) for finding in findings], "dataflow errors of the workflow").equals([])


@pytest.mark.clause("pipeline.workflow")
def test_the_registered_workflow_has_the_contracts_values(
    workflow: Mapping[str, Any], harness: Harness
) -> None:
    expect(workflow.get("tasks"), "steps of the workflow").is_filled()
    expect(contract_differences(harness), "fields that differ from the contract").equals([])


@pytest.mark.clause("pipeline.optional")
def test_the_contracts_optional_steps_are_optional(workflow: Mapping[str, Any]) -> None:
    contract = optional_by_step(load_contracts().workflow["tasks"])

    registered = optional_by_step(workflow["tasks"])

    found = {step: registered.get(step, "no such step") for step in contract}
    expect(found, "optional of each step").equals(contract)


@pytest.mark.clause("pipeline.registered")
def test_registered_limits_equal_the_seed_table(harness: Harness) -> None:
    contracts = load_contracts()
    seed = yaml.safe_load((contracts.root / "seed_table.yaml").read_text("utf-8"))["tasks"]

    registered = {task["name"]: task for task in harness.testbed.rest.task_definitions()}

    limits_of = {
        task: {limit: registered.get(task, {}).get(limit) for limit in limits}
        for task, limits in seed.items()
    }
    expect(limits_of, "time-outs and retries").equals(seed)


@pytest.mark.clause("pipeline.registered")
def test_second_registration_changes_nothing(harness: Harness) -> None:
    expect_registered(harness)
    before = registered_definitions(harness)
    names = {*load_contracts().tasks, load_contracts().workflow["name"]}
    expect(names - before.keys(), "definitions that are not registered").equals(set())

    harness.fleet.register(harness.testbed.rest.api_url)

    after = registered_definitions(harness)
    expect(after, "definitions after the second registration").equals(before)
