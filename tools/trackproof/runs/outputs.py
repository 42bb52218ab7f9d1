"""A run's output, completed from where the fleet's profile says it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackproof.fleet.contract_names import ROW


def completed_output(
    workflow: Mapping[str, Any], row: Mapping[str, Any], sources: Mapping[str, str]
) -> Mapping[str, Any]:
    """Return a run whose output also has the fields that the profile reads elsewhere.

    A field that the workflow's own output has stays, even if it is null.

    Args:
        workflow: The run, in the contracts' terms.
        row: The transcript's row, in the contracts' terms.
        sources: `output_from` of the profile.
    """
    output = dict(workflow.get("output") or {})
    for field, source in sources.items():
        step, _, name = source.partition(".")
        values = row if step == ROW else _output_of(workflow, step)
        if field not in output and name in values:
            output[field] = values[name]
    return {**workflow, "output": output}


def _output_of(workflow: Mapping[str, Any], step: str) -> Mapping[str, Any]:
    """Return the output of a step's last completed attempt."""
    for task in reversed(workflow.get("tasks") or ()):
        if task.get("referenceTaskName") == step and task.get("status") == "COMPLETED":
            return task.get("outputData") or {}
    return {}
