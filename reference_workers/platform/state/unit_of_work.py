"""Unit of work: one transaction for a task's result and its events."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from reference_workers.platform.state.models import Branch, Event, Recording, Transcript

EVENT_IDS = uuid.UUID("6f5d3f0e-0d0a-5b8e-9b43-3f3b0c2c7f51")
"""UUID namespace of event ids."""


@dataclass(slots=True)
class EventSource:
    """Source of events: a task of a workflow, the same for all its attempts."""

    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    emitted: Counter[str] = field(default_factory=Counter)
    """Number of committed events by name."""


class UnitOfWork:
    """An open transaction on one transcript, whose row is locked until the end.

    The lock makes the order of seq the order of commits: once event n is visible, all events
    below n are visible too.
    """

    def __init__(self, session: Session, transcript: Transcript, source: EventSource) -> None:
        """Bind the transaction to its transcript row and event source."""
        self.session = session
        self.transcript = transcript
        self.emitted: Counter[str] = Counter()
        self._source = source

    def emit(self, name: str, data: Mapping[str, Any], *, identity: str | None = None) -> None:
        """Append an event, which becomes visible when the transaction commits.

        Idempotent: a repeated task that emits the same data emits the same event, which is
        written once. Other data is another event.

        Args:
            name: Such as DURATION.
            data: JSON without secrets and presigned URLs.
            identity: Identity of the event; default: position and content.
        """
        self.emitted[name] += 1
        if identity is None:
            digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
            identity = f"{self._source.emitted[name] + self.emitted[name]}/{digest}"
        self._append(name, data, self._event_id(name, identity))

    def has_emitted(self, name: str, identity: str) -> bool:
        """Return whether the source ever emitted an event with this identity."""
        return self.session.get(Event, self._event_id(name, identity)) is not None

    def set_status(self, status: str) -> None:
        """Set the transcript's status and emit STATUS if it changed."""
        if self.transcript.status == status:
            return
        self.transcript.status = status
        change = f"{self.transcript.id}\nSTATUS\n{self.transcript.last_seq + 1}"
        self._append("STATUS", {"value": status}, str(uuid.uuid5(EVENT_IDS, change)))

    def assign_workflow(self, workflow_id: str, *, replace: bool) -> None:
        """Store the workflow on the transcript's recording.

        Args:
            workflow_id: Conductor's id.
            replace: Whether to replace another workflow.
        """
        recording_id = self.transcript.recording_id
        recording = self.session.get(Recording, recording_id) if recording_id else None
        if recording is not None and (replace or recording.workflow_id is None):
            recording.workflow_id = workflow_id

    def expect_branches(self, workflow_id: str, task_type: str, references: Sequence[str]) -> None:
        """Store the branches of a fork, none of them done."""
        self.session.execute(
            delete(Branch).where(
                Branch.transcript_id == self.transcript.id,
                Branch.workflow_id == workflow_id,
                Branch.task_type == task_type,
            )
        )
        self.session.add_all(
            self._branch(workflow_id, task_type, reference) for reference in references
        )

    def record_branch(
        self, workflow_id: str, task_type: str, reference: str, *, done: bool
    ) -> tuple[int, int]:
        """Store a branch's progress; return the numbers of done and of all branches of its fork."""
        key = (self.transcript.id, workflow_id, reference)
        branch = self.session.get(Branch, key)
        if branch is None:
            branch = self._branch(workflow_id, task_type, reference)
            self.session.add(branch)
        branch.done = branch.done or done
        self.session.flush()
        finished, total = self.session.execute(
            select(func.count().filter(Branch.done), func.count()).where(
                Branch.transcript_id == self.transcript.id,
                Branch.workflow_id == workflow_id,
                Branch.task_type == task_type,
            )
        ).one()
        return finished, total

    def _event_id(self, name: str, identity: str) -> str:
        whole = "\n".join((self.transcript.id, self._source.key, name, identity))
        return str(uuid.uuid5(EVENT_IDS, whole))

    def _branch(self, workflow_id: str, task_type: str, reference: str) -> Branch:
        return Branch(
            transcript_id=self.transcript.id,
            workflow_id=workflow_id,
            reference=reference,
            task_type=task_type,
            done=False,
        )

    def _append(self, name: str, data: Mapping[str, Any], event_id: str) -> None:
        if self.session.get(Event, event_id) is not None:
            return
        self.transcript.last_seq += 1
        row = Event(
            id=event_id,
            transcript_id=self.transcript.id,
            seq=self.transcript.last_seq,
            event=name,
            data=dict(data),
        )
        self.session.add(row)
