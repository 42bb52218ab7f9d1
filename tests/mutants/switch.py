"""Mutants of the switch between the pipelines, and of the fallback."""

from __future__ import annotations

import os
from typing import Any

from reference_workers.errors import PermanentError, TransientError
from reference_workers.platform.trigger.workflow_start import WorkflowStartError
from tests.mutants.model import Collection
from tests.mutants.patches import replace, rewrite

PROCESS = "platform.trigger.process"
TRIGGER = "platform.trigger.process:Trigger"
WATCH = "platform.trigger.fallback:FallbackWatch"
START = "platform.trigger.workflow_start"

mutant = Collection("switch")


@mutant("conductor-only")
def legacy_is_started_too() -> None:
    """With Conductor alone the legacy pipeline is started too."""

    def make(start: Any) -> Any:
        def both(self: Any, row: Any, transcript: Any) -> None:
            start(self, row, transcript)
            if row.legacy_task_id is None and self.switch.fallback:
                self._send_legacy(row, transcript)

        return both

    replace(TRIGGER, "_start", make)


@mutant("legacy-only")
def shadow_mode_is_enough() -> None:
    """Shadow mode starts a workflow although Conductor is disabled."""
    rewrite(
        "platform.trigger.switch",
        "Switch",
        "conductor = settings.conductor_enabled",
        "conductor = settings.conductor_enabled or settings.conductor_shadow_mode",
    )


@mutant("shadow")
def shadow_mode_replaces_legacy() -> None:
    """In shadow mode only the workflow is started."""
    rewrite(
        "platform.trigger.switch",
        "Switch",
        "legacy=shadow or not conductor",
        "legacy=not conductor",
    )


@mutant("unknown-value")
def unknown_value_is_false() -> None:
    """An unknown value of the switch means false."""
    for name in ("CONDUCTOR_ENABLED", "CONDUCTOR_SHADOW_MODE"):
        if os.environ.get(name) not in {"true", "false"}:
            os.environ[name] = "false"


@mutant("shadow-completes")
def shadow_of_nothing() -> None:
    """The workflow of a shadow run gets a transcript that is not stored."""

    def make(compose: Any) -> Any:
        def wrong(self: Any, row: Any, transcript: Any, subject: Any) -> Any:
            data = compose(self, row, transcript, subject)
            if self.switch.shadow:
                data["transcript_id"] = f"{subject.id}-shadow"
            return data

        return wrong

    replace(TRIGGER, "_workflow_input", make)


@mutant("shadow-silent")
def shadow_posts_too() -> None:
    """A shadow run has the meeting's room, so it posts and sends a second time."""
    rewrite(
        "platform.trigger.recordings",
        "register_shadow",
        "shadow_of=transcript.id,",
        "shadow_of=transcript.id, room_id=transcript.room_id,",
    )


@mutant("fallback-refused")
def refused_connection_is_left() -> None:
    """A recording for which Conductor refuses the connection waits for better times."""

    def make(start: Any) -> Any:
        def waiting(*args: Any, **options: Any) -> Any:
            try:
                return start(*args, **options)
            except WorkflowStartError as error:
                if error.is_certain:
                    raise
                raise TransientError("Conductor does not answer") from error

        return waiting

    replace(PROCESS, "start_workflow", make)


@mutant("fallback-error")
def refused_start_is_final() -> None:
    """A recording whose start Conductor refuses is given up."""

    def make(start: Any) -> Any:
        def final(*args: Any, **options: Any) -> Any:
            try:
                return start(*args, **options)
            except WorkflowStartError as error:
                raise PermanentError("Conductor refused") from error

        return final

    replace(PROCESS, "start_workflow", make)


@mutant("fallback-hang")
def patient_client() -> None:
    """The trigger waits for Conductor for an hour."""

    def make(create: Any) -> Any:
        return lambda self, _timeout: create(self, 3600.0)

    replace("platform.client:_TimedConnection", "__init__", make)


@mutant("lost-answer")
def lost_answer_is_no_start() -> None:
    """A start without an answer is taken for none: both pipelines process the recording."""
    replace(START, "started_workflow", lambda _: lambda *_: None)
    replace(TRIGGER, "_worked_on", lambda _: lambda *_: None)
    replace(WATCH, "_stop_handed_over", lambda _: lambda *_: None)


@mutant("outage")
def running_meetings_are_not_watched() -> None:
    """A running meeting waits for Conductor for ever."""
    replace(WATCH, "look", lambda _: lambda *_: None)


@mutant("outage")
def fallback_that_runs_both() -> None:
    """The workflow of a meeting that has fallen back runs on."""
    replace(WATCH, "_stop_handed_over", lambda _: lambda *_: None)


@mutant("fallback-log")
def fallback_in_silence() -> None:
    """A failed start falls back without a word."""
    replace(TRIGGER, "_log_failed_start", lambda _: lambda *_: None)


@mutant("no-fallback")
def fallback_is_always_on() -> None:
    """The fallback cannot be turned off."""
    rewrite(
        "platform.trigger.switch",
        "Switch",
        "fallback=conductor and not shadow and settings.conductor_fallback",
        "fallback=conductor and not shadow",
    )
