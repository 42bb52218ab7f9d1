"""The evidence of a trial: what the triggers of a product made of each recording."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from trackproof.errors import DeadlineError
from trackproof.fleet.profile import TriggerTerms
from trackproof.suite.harness import Harness
from trackproof.suite.product.bad_webhooks import BadWebhook
from trackproof.suite.product.cases import Case
from trackproof.suite.product.processes import TriggerProcess
from trackproof.suite.product.webhooks import Answer
from trackproof.testbed import database
from trackproof.testbed.conductor.starts import WorkflowStart
from trackproof.wait import wait_until

ENDED: Final = frozenset({"COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"})

_TRANSCRIPT = re.compile(r'"transcript_id": ?"([^"]+)"')
_TRACEBACK = re.compile(r"Traceback \(|\w+(\.\w+)*(Error|Exception)\b")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the triggers made of a recording."""

    workflow_ids: tuple[str, ...]
    """The workflows that were started for it."""
    requests: int
    """Requests to start one, with those that failed."""
    legacy: int
    """Messages that start the legacy pipeline."""
    stored: tuple[str, ...]
    """The workflows whose id its row has."""


@dataclass(slots=True)
class Refusal:
    """What became of a bad webhook."""

    bad: BadWebhook
    answer: Answer
    logged: bool
    """Whether the trigger wrote to its log."""
    started: int
    """Pipelines that were started."""


@dataclass
class ProductTrial:
    """The evidence of a trial."""

    harness: Harness
    trigger: TriggerTerms
    processes: dict[str, TriggerProcess] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    unknown: dict[str, tuple[int | None, str]] = field(default_factory=dict)
    """Exit code and log by the switch variable with an unknown value; None while it serves."""
    ended: dict[str, str] = field(default_factory=dict)
    """Status of a case's last workflow, where the trial waits for its end."""
    import_error: str = ""
    """Log of the trigger that did not start without the packages of the legacy pipeline."""
    topic: str = ""
    """Zulip's topic of the shadowed recording."""
    shadow: dict[str, Any] = field(default_factory=dict)
    """The ids of the shadowed recording's transcripts and workflow."""

    @property
    def has_legacy(self) -> bool:
        """Whether the product has a legacy pipeline."""
        return bool(self.trigger.broker)

    def outcome(self, name: str) -> Outcome:
        """Return what the triggers have made of a case so far."""
        case = self.cases[name]
        starts, messages = self._starts(case), self._messages(case)
        ids = tuple(start.workflow_id for start in starts if start.workflow_id)
        stored = tuple(one for one in ids if case.recording_id in self._recordings_of(one))
        return Outcome(ids, len(starts), len(messages), stored)

    def _starts(self, case: Case) -> list[WorkflowStart]:
        return [
            start
            for process in self.processes.values()
            for start in process.gateway.starts.about(case.recording_id)
        ]

    def _messages(self, case: Case) -> list[str]:
        return [message for message in self._legacy_messages() if case.is_named_in(message)]

    def _legacy_messages(self) -> list[str]:
        brokers = {process.broker: process for process in self.processes.values()}
        return [message for process in brokers.values() for message in process.legacy_messages()]

    def _recordings_of(self, workflow_id: str) -> list[str]:
        fleet = self.harness.fleet
        if not fleet.profile.recording_sql:
            return []
        rows = database.rows(
            fleet.database_url, fleet.profile.recording_sql, workflow_id=workflow_id
        )
        return [str(row["id"]) for row in rows]

    def has_workflow(self, name: str) -> bool:
        """Return whether a case's workflow runs and, where it can be seen, its id is stored."""
        outcome = self.outcome(name)
        visible = bool(self.harness.fleet.profile.recording_sql)
        return bool(outcome.stored if visible else outcome.workflow_ids)

    def started_in(self, room_name: str) -> int:
        """Return how many pipelines were started for recordings of a room."""
        starts = sum(
            len(process.gateway.starts.about(room_name)) for process in self.processes.values()
        )
        return starts + sum(room_name in message for message in self._legacy_messages())

    def settle(self, *names: str) -> None:
        """Keep the outcomes of cases: what happens later is somebody else's doing."""
        self.outcomes.update((name, self.outcome(name)) for name in names)

    def wait_for(self, condition: Callable[[], object], seconds: float | None = None) -> bool:
        """Wait until a condition holds; return whether it does in time."""
        with suppress(DeadlineError):
            wait_until(
                lambda: bool(condition()),
                what="the product",
                timeout=self.trigger.seconds if seconds is None else seconds,
                interval=0.2,
            )
            return True
        return False

    def wait_for_legacy(self, name: str) -> None:
        """Wait until a case has started the legacy pipeline, if there is one."""
        if self.has_legacy:
            self.wait_for(lambda: self.outcome(name).legacy)

    def status_of(self, name: str) -> str:
        """Return the status of a case's last workflow; empty if it has none."""
        ids = self.outcome(name).workflow_ids
        if not ids:
            return ""
        return str(self.harness.testbed.rest.workflow(ids[-1], include_tasks=False)["status"])

    def wait_for_end(self, *names: str) -> None:
        """Wait until the workflows of cases have ended, and keep their statuses."""
        self.wait_for(lambda: all(self.status_of(name) in ENDED for name in names))
        self.ended.update((name, self.status_of(name)) for name in names)

    def deliveries(self) -> dict[str, int]:
        """Return how many webhooks and messages the room of the shadowed recording got."""
        scenario = self.cases["shadow"].scenario
        topic = self.topic
        ledger = self.harness.testbed.stand_ins.ledger
        webhooks = [one for one in ledger.requests("webhook") if scenario.room_name in one.path]
        messages = [
            one
            for one in ledger.requests("zulip")
            if one.path.endswith("/messages") and topic in one.body.decode(errors="replace")
        ]
        return {"webhooks": len(webhooks), "messages": len(messages)}

    def names_of(self, name: str) -> set[str]:
        """Return the ids of a case's recording and transcript."""
        case = self.cases[name]
        texts = [
            *(start.body for start in self._starts(case)),
            *(one for one in self._messages(case)),
        ]
        found = {match for text in texts for match in _TRANSCRIPT.findall(text)}
        return {case.recording_id, *found}

    def log_entries(self, *names: str) -> list[str]:
        """Return the entries of the triggers' logs that have one of some names.

        An entry is a line with the indented lines and the traceback that follow it.
        """
        entries: list[str] = []
        for line in self.log().splitlines():
            if entries and (not line.strip() or line[0] in " \t|+" or _TRACEBACK.match(line)):
                entries[-1] += f"\n{line}"
            else:
                entries.append(line)
        return [entry for entry in entries if any(name in entry for name in names)]

    def log(self) -> str:
        """Return the logs of all triggers."""
        return "\n".join(process.log() for process in self.processes.values())
