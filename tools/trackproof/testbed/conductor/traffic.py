"""A fleet's traffic with Conductor: the tasks it took, its updates, faults, outages."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import unquote

HELD_UPDATES: Final = 1_000
"""Number of updates that `hold` applies to."""

POLL_TIMES: Final = 20_000
"""Number of the latest polls that are remembered."""

_RESULT_IN_PATH = re.compile(r"/tasks/(?P<workflow>[^/]+)/(?P<reference>[^/]+)/(?P<status>[A-Z_]+)")


@dataclass(frozen=True, slots=True)
class TakenTask:
    """A task that the server handed to the fleet."""

    task_id: str
    workflow_id: str
    task_type: str
    """In the fleet's terms."""
    polled_at: float
    """Epoch seconds at which the request that took it arrived."""


@dataclass(frozen=True, slots=True)
class Update:
    """An update of a task that the fleet sent."""

    task_id: str
    """Empty if the request names the task by its reference name."""
    workflow_id: str
    status: str
    """Such as COMPLETED."""
    sent_at: float
    """Epoch seconds."""
    extends_lease: bool = False
    """Whether it only says that the work goes on; any other IN_PROGRESS hands the task back."""


@dataclass(slots=True)
class UpdateFault:
    """What happens to the next results of a task type."""

    task_type: str
    """In the fleet's terms."""
    failure: Literal["status", "reset", "hold"]
    """`status`: the server answers 503; `reset`: the connection is reset; `hold`: the update
    waits until `release`."""
    carried_out: bool = False
    """Whether the server gets the update before the failure."""
    times: int = 1
    """Number of updates that it applies to; a client may send a held one again."""
    once_a_task: bool = False
    """Whether it applies to one update of each task, so that all but one get through."""
    met: int = 0
    """Number of updates that it applied to."""
    met_tasks: set[str] = field(default_factory=set)
    """Ids of the tasks that it applied to."""
    discarded: bool = False
    """Whether held updates never arrive, because their sender is dead."""
    released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Let held updates pass."""
        self.released.set()

    def discard(self) -> None:
        """Drop held updates: their connections are reset."""
        self.discarded = True
        self.released.set()


class Traffic:
    """The record of one fleet's requests to Conductor. Thread-safe."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._polls: deque[float] = deque(maxlen=POLL_TIMES)
        self._taken: dict[str, TakenTask] = {}
        self._updates: list[Update] = []
        self._faults: list[UpdateFault] = []
        self.watchers: list[Callable[[TakenTask], None]] = []
        """Each is called with every task that the server hands out, before the fleet gets it."""
        self._outage = threading.Event()
        self._cut_off = 0
        self._twice: frozenset[str] = frozenset()
        self._again: dict[str, list[dict[str, Any]]] = {}
        self._delivered_again: list[str] = []

    @property
    def cut_off(self) -> int:
        """Number of requests that outages reset."""
        with self._lock:
            return self._cut_off

    def record_cut(self) -> None:
        """Record a request that an outage resets."""
        with self._lock:
            self._cut_off += 1

    @property
    def is_cut(self) -> bool:
        """Whether every request is answered by a reset, as if the server were down."""
        return self._outage.is_set()

    def cut(self) -> None:
        """Begin an outage: no further request reaches the server."""
        self._outage.set()

    def restore(self) -> None:
        """End the outage."""
        self._outage.clear()

    def polls_since(self, since: float) -> int:
        """Return the number of polls that arrived after a time in epoch seconds."""
        with self._lock:
            return sum(at > since for at in self._polls)

    def without_result(self, since: float) -> list[TakenTask]:
        """Return the tasks taken after a time that were neither finished nor handed back."""
        with self._lock:
            updated = [one for one in self._updates if not one.extends_lease]
            ended = {one.task_id for one in updated}
            # A result by reference name tells its run only.
            ended_runs = {one.workflow_id for one in updated if not one.task_id}
            return [
                task
                for task in self._taken.values()
                if task.polled_at > since
                and task.task_id not in ended
                and task.workflow_id not in ended_runs
            ]

    def taken_since(self, since: float) -> list[TakenTask]:
        """Return the tasks taken by requests that arrived after a time in epoch seconds."""
        with self._lock:
            return [task for task in self._taken.values() if task.polled_at > since]

    def updates_of(self, workflow_id: str) -> list[Update]:
        """Return the updates of a run's tasks, oldest first."""
        with self._lock:
            return [update for update in self._updates if update.workflow_id == workflow_id]

    def deliver_twice(self, task_types: Collection[str]) -> None:
        """Hand every task of these types out a second time from now on; none: end that."""
        with self._lock:
            self._twice = frozenset(task_types)
            self._again.clear()
            self._delivered_again.clear()

    def delivered_again(self) -> list[str]:
        """Return the ids of the tasks that were handed out a second time."""
        with self._lock:
            return list(self._delivered_again)

    def second_delivery(self, path: str) -> bytes | None:
        """Return the answer to a poll that got no task; None if none is due for a second time."""
        single, _, task_type = path.removeprefix("/tasks/poll/").rpartition("/")
        with self._lock:
            if not (due := self._again.get(unquote(task_type))):
                return None
            task = due.pop(0)
            self._delivered_again.append(str(task["taskId"]))
        return json.dumps([task] if single == "batch" else task).encode()

    def add_fault(self, fault: UpdateFault) -> None:
        """Activate a fault."""
        with self._lock:
            self._faults.append(fault)

    def faults(self) -> list[UpdateFault]:
        """Return the faults since the last `clear_faults`, used up or not."""
        with self._lock:
            return list(self._faults)

    def clear_faults(self) -> None:
        """Remove all faults and let held updates pass."""
        with self._lock:
            for fault in self._faults:
                fault.release()
            self._faults.clear()

    def record_poll(self) -> None:
        """Record a poll that has just arrived."""
        with self._lock:
            self._polls.append(time.time())

    def record_answer(self, body: bytes, asked_at: float) -> None:
        """Record the tasks in the answer to a poll or to an update."""
        if not body:
            return
        documents = _tasks_in(body)
        tasks = [
            TakenTask(
                task_id=str(task["taskId"]),
                workflow_id=str(task.get("workflowInstanceId")),
                task_type=str(task.get("taskDefName") or task.get("taskType")),
                polled_at=asked_at,
            )
            for task in documents
        ]
        with self._lock:
            for task, document in zip(tasks, documents, strict=True):
                if task.task_type in self._twice and task.task_id not in self._taken:
                    self._again.setdefault(task.task_type, []).append(dict(document))
            self._taken |= {task.task_id: task for task in tasks}
        for task in tasks:
            for watcher in self.watchers:
                watcher(task)

    def record_update(self, path: str, body: bytes) -> UpdateFault | None:
        """Record an update that has just arrived; return the fault that applies to it."""
        update = _update(path, body)
        if update is None:
            return None
        with self._lock:
            self._updates.append(update)
            if update.status == "IN_PROGRESS":
                return None
            types = {
                task.task_type
                for task in self._taken.values()
                if task.task_id == update.task_id
                or (not update.task_id and task.workflow_id == update.workflow_id)
            }
            for fault in self._faults:
                is_free = not fault.once_a_task or update.task_id not in fault.met_tasks
                if fault.task_type in types and fault.met < fault.times and is_free:
                    fault.met += 1
                    fault.met_tasks.add(update.task_id)
                    return fault
        return None


def is_poll(path: str) -> bool:
    """Return whether a path below the API's is that of a poll."""
    return path.startswith("/tasks/poll/")


def is_update(method: str, path: str) -> bool:
    """Return whether a request updates a task."""
    return method == "POST" and (
        path.rstrip("/") in {"/tasks", "/tasks/update-v2"} or bool(_RESULT_IN_PATH.match(path))
    )


def _tasks_in(body: bytes) -> list[Mapping[str, Any]]:
    try:
        answer = json.loads(body)
    except ValueError:
        return []
    tasks = answer if isinstance(answer, list) else [answer]
    return [task for task in tasks if isinstance(task, dict) and task.get("taskId")]


def _update(path: str, body: bytes) -> Update | None:
    if match := _RESULT_IN_PATH.match(path):
        return Update("", match["workflow"], match["status"], time.time())
    try:
        result = json.loads(body)
    except ValueError:
        return None
    if not isinstance(result, dict):
        return None
    return Update(
        task_id=str(result.get("taskId")),
        workflow_id=str(result.get("workflowInstanceId")),
        status=str(result.get("status")),
        sent_at=time.time(),
        extends_lease=bool(result.get("extendLease")),
    )
