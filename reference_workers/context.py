"""A task's context: its identity, and the clients of everything outside the process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import jsonschema_rs

from reference_workers.audio.limits import media_limits
from reference_workers.platform.redaction import Redactor, secrets_of
from reference_workers.platform.state.cache import Cache
from reference_workers.platform.state.repository import State
from reference_workers.platform.state.unit_of_work import EventSource, UnitOfWork
from reference_workers.platform.traces import Traces, open_traces
from reference_workers.services.daily import Daily
from reference_workers.services.llm import LLM
from reference_workers.services.modal import Modal
from reference_workers.services.storage import Storage
from reference_workers.services.webhook import Webhook
from reference_workers.services.zulip import Zulip
from reference_workers.settings import Settings
from trackproof.contracts.load import load_contracts
from trackproof.scratch import clear_abandoned, scratch_folder

SCRATCH_PREFIX = "trackproof-worker-"


@dataclass(frozen=True, slots=True)
class Clients:
    """Clients of everything outside the process; thread-safe, shared by all tasks."""

    settings: Settings
    state: State
    cache: Cache
    storage: Storage
    daily: Daily
    modal: Modal
    llm: LLM
    zulip: Zulip
    webhook: Webhook
    redact: Redactor
    traces: Traces

    @classmethod
    @contextmanager
    def open(cls, settings: Settings) -> Iterator[Self]:
        """Open all clients and close them when the block ends."""
        state = State(settings.database_url)
        clients = cls(
            settings=settings,
            state=state,
            cache=Cache(
                state,
                max_bytes=settings.cache_max_bytes,
                max_age_seconds=settings.cache_max_age_seconds,
            ),
            storage=Storage(settings),
            daily=Daily(settings),
            modal=Modal(settings),
            llm=LLM(settings),
            zulip=Zulip(settings),
            webhook=Webhook(settings),
            redact=Redactor(secrets_of(settings)),
            traces=open_traces(),
        )
        with ExitStack() as stack:
            for client in (
                clients.state,
                clients.storage,
                clients.daily,
                clients.modal,
                clients.llm,
                clients.zulip,
                clients.webhook,
                clients.traces,
            ):
                stack.callback(client.close)
            yield clients


def event_source(workflow_id: str, reference: str) -> EventSource:
    """Return the source of a task's events: the same for every attempt of the task."""
    return EventSource(f"{workflow_id}/{reference}")


@dataclass(frozen=True, slots=True)
class Context:
    """One execution of a task."""

    clients: Clients
    workflow_id: str = ""
    task_id: str = ""
    reference: str = ""
    attempt: int = 0
    """Number of earlier attempts (Conductor's retryCount)."""
    source: EventSource = field(init=False)
    """Source of this task's events: the same for every attempt of the task."""

    def __post_init__(self) -> None:
        """Derive the event source from the task's identity."""
        object.__setattr__(self, "source", event_source(self.workflow_id, self.reference))

    @contextmanager
    def unit_of_work(self, transcript_id: str) -> Iterator[UnitOfWork]:
        """Open a transaction on a transcript: commits the task's result and events together.

        Raises:
            PermanentError: There is no such transcript.
            TransientError: The database does not answer.
        """
        with self.clients.state.unit_of_work(transcript_id, self.source) as unit:
            yield unit

    def ask_llm(
        self, task: str, prompt: str, *, name: str, schema: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the LLM's answer to a prompt, cached by task, model, prompt and schema.

        Answers are cached one by one: a task that fails at its last prompt repeats only that one.
        """
        clients = self.clients
        answer: dict[str, Any] = clients.cache.get_or_compute(
            task,
            [clients.llm.model, prompt, name, json.dumps(schema, sort_keys=True)],
            lambda: clients.llm.complete(prompt, name=name, schema=schema),
            accept=lambda answer: jsonschema_rs.is_valid(schema, answer),
            timeout=clients.settings.outside_timeout_seconds,
        )
        return answer

    @contextmanager
    def media_limits(self, task: str, transcript_id: str) -> Iterator[None]:
        """Limit the block's audio by the recording's length, its time by the task's time-out.

        A meeting may be longer than Daily says of its recording: an hour, and twice the length,
        are free.
        """
        known = self.clients.state.recorded_seconds(transcript_id)
        longest = self.clients.settings.meeting_max_seconds
        if known is not None:
            longest = min(longest, 2 * known + 3600)
        seconds = float(load_contracts().tasks[task].definition["timeoutSeconds"])
        with media_limits(longest=longest, seconds=seconds):
            yield

    @contextmanager
    def scratch(self, suffix: str) -> Iterator[Path]:
        """Yield a path for a temporary file that is deleted when the block ends."""
        with scratch_folder(SCRATCH_PREFIX) as folder:
            yield folder / f"audio{suffix}"


def clear_abandoned_scratch() -> int:
    """Remove the audio that killed processes of this machine have left; return the number."""
    return len(clear_abandoned(SCRATCH_PREFIX, without_lock=True))
