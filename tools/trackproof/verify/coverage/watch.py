"""Record what each run on the server exercised, from the polls that follow it anyway."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from trackproof.contracts.load import load_contracts
from trackproof.suite.timeout_trials import WORKER
from trackproof.testbed.conductor.rest import ENDED
from trackproof.verify.coverage.graph import Edge, edges

END_OF = {
    "COMPLETED": "completed",
    "FAILED": "failed",
    "FAILED_WITH_TERMINAL_ERROR": "failed",
    "TIMED_OUT": "timed out",
}


class CoverageWatch:
    """Records every run that has ended, once. Thread-safe."""

    def __init__(self) -> None:
        """Start empty."""
        contracts = load_contracts()
        self._workflow = contracts.workflow["name"]
        self._edges = edges(contracts)
        self._known = {name for edge in self._edges for name in edge}
        self._lock = threading.Lock()
        self._runs: set[str] = set()
        self.ends: Counter[tuple[str, str]] = Counter()
        """How often a task type ended in which way."""
        self.edges: set[Edge] = set()

    def record(self, workflow: Mapping[str, Any]) -> None:
        """Record a run as Conductor's API returns it with its tasks."""
        if workflow.get("status") not in ENDED:
            return
        with self._lock:
            if workflow["workflowId"] in self._runs:
                return
            self._runs.add(workflow["workflowId"])
            tasks = workflow.get("tasks") or []
            for task in tasks:
                self.ends.update((task["taskDefName"], end) for end in _ends(task))
            if workflow.get("workflowName") == self._workflow:
                self._follow(tasks)

    def _follow(self, tasks: list[Mapping[str, Any]]) -> None:
        scheduled = {self._node(task) for task in tasks}
        completed = {self._node(task) for task in tasks if task["status"] == "COMPLETED"}
        self.edges.update(
            edge for edge in self._edges if edge[0] in completed and edge[1] in scheduled
        )

    def _node(self, task: Mapping[str, Any]) -> str:
        reference = str(task["referenceTaskName"])
        return reference if reference in self._known else str(task["taskDefName"])


def _ends(task: Mapping[str, Any]) -> list[str]:
    end = END_OF.get(task["status"])
    if task.get("workerId") == WORKER and end != "timed out":
        return []  # the suite's own answer, given in the fleet's place
    retried = ["retried"] if task.get("retryCount") else []
    return [*([end] if end else []), *retried]
