"""Mutants of the events and statuses of whole meetings."""

from __future__ import annotations

from typing import Any

from reference_workers.platform.state.unit_of_work import UnitOfWork
from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import around, change_event, replace, rewrite

PROGRESS = "PIPELINE_PROGRESS"

mutant = Collection("pipeline")


@mutant("progress-schema")
def branches_are_steps() -> None:
    """total_steps counts the branches of dynamic forks."""
    change_event(
        PROGRESS,
        lambda data: {**data, "total_steps": data["total_steps"] + data.get("branches_total", 0)},
    )


@mutant("progress-schema")
def one_branch_too_many_done() -> None:
    """branches_done counts the branch that has just started."""
    change_event(
        PROGRESS,
        lambda data: (
            {**data, "branches_done": data["branches_done"] + 1} if "branch" in data else data
        ),
    )


@mutant("progress-schema")
def branches_total_of_those_started() -> None:
    """branches_total counts the branches that have started, not those of the fork."""
    old = "_record_branches(context, unit, output or {})"
    rewrite("platform.progress", "report_progress", old, "pass")


@mutant("progress-schema")
def branch_without_its_name() -> None:
    """A branch's progress names its fork's step, not the branch."""
    change_event(
        PROGRESS,
        lambda data: (
            {**data, "branch": data["current_step"].rsplit("_", 1)[0]} if "branch" in data else data
        ),
    )


@mutant("progress-end")
def end_is_emitted_twice() -> None:
    """The end of a task is emitted twice."""
    append = UnitOfWork._append

    def twice(self: UnitOfWork, name: str, data: Any, event_id: str) -> None:
        append(self, name, data, event_id)
        if name == PROGRESS and data["step_status"] == "completed":
            append(self, name, data, f"{event_id[:-1]}g")

    UnitOfWork._append = twice  # type: ignore[method-assign]


@mutant("progress-end")
def end_before_the_result() -> None:
    """A task's end is emitted when it starts, before its result."""
    rewrite(
        "platform.progress",
        "report_progress",
        "            if is_final and not step.optional:",
        "            if progress == 'in_progress':\n"
        "                data = {**data, 'step_status': 'completed'}\n"
        "                done = _identity(context.task_id, 'completed')\n"
        "                unit.emit(PROGRESS, data, identity=done)\n"
        "            if is_final and not step.optional:",
    )


@mutant("events")
def ended_before_the_title() -> None:
    """STATUS reports the end when the waveform is there."""

    def make(work: Worker) -> Worker:
        def early(context: Any, **inputs: Any) -> dict[str, Any]:
            with context.unit_of_work(inputs["transcript_id"]) as unit:
                unit.set_status("ended")
            return work(context, **inputs)

        return early

    around("generate_waveform", make)


@mutant("events")
def final_events_first() -> None:
    """FINAL_TITLE is emitted before the topics."""

    def make(work: Worker) -> Worker:
        def early(context: Any, **inputs: Any) -> dict[str, Any]:
            with context.unit_of_work(inputs["transcript_id"]) as unit:
                unit.emit("FINAL_TITLE", {"title": "Meeting"})
            return work(context, **inputs)

        return early

    around("detect_topics", make)


@mutant("status-error")
def optional_failure_is_an_error() -> None:
    """A failed post_zulip or send_webhook sets the status error."""

    def make(work: Worker) -> Worker:
        def strict(context: Any, **inputs: Any) -> dict[str, Any]:
            output = work(context, **inputs)
            if not output["sent"]:
                with context.unit_of_work(inputs["transcript_id"]) as unit:
                    unit.set_status("error")
            return output

        return strict

    around("send_webhook", make)


@mutant("status-error")
def error_is_reported_only() -> None:
    """STATUS reports the error, and the row keeps its status."""

    def make(set_status: Any) -> Any:
        def kept(self: UnitOfWork, status: str) -> None:
            before = self.transcript.status
            set_status(self, status)
            if status == "error":
                self.transcript.status = before

        return kept

    replace("platform.state.unit_of_work:UnitOfWork", "set_status", make)
    replace("platform.reconciler:Reconciler", "_run", lambda _: lambda self: None)


@mutant("status-error")
def later_step_resumes() -> None:
    """The start of any step sets the status processing again, also beside a failed branch."""
    rewrite(
        "platform.progress",
        "_record_start",
        'if context.attempt > 0 and unit.transcript.status == "error":',
        'if unit.transcript.status in ("ended", "error"):',
    )


@mutant("terminated")
def nobody_looks_for_lost_meetings() -> None:
    """A meeting whose workflow ends without a worker stays in processing."""
    replace("platform.reconciler:Reconciler", "_run", lambda _: lambda self: None)


@mutant("terminated")
def time_outs_are_not_noticed() -> None:
    """A meeting whose workflow times out stays in processing."""

    def without(endings: dict[str, str]) -> dict[str, str]:
        return {status: end for status, end in endings.items() if status != "TIMED_OUT"}

    replace("platform.reconciler", "ENDINGS", without)


@mutant("status-error")
def first_failed_attempt_is_final() -> None:
    """The status is error after the first failed attempt, and processing again with the retry."""
    rewrite("executor", "_is_final", "context.attempt >= retries", "True")


@mutant("progress-start")
def no_progress_of_get_recording() -> None:
    """The first step, whose input has no transcript, emits nothing."""
    rewrite(
        "executor",
        "_transcript_id",
        "return live and (context.clients.state.shadow_id(live) or live)",
        "return None",
    )


def _without_progress(status: str, *, of_retries: bool) -> None:
    """Emit no PIPELINE_PROGRESS with a status of retries, or of attempts before a retry."""

    def make(report: Any) -> Any:
        def silent(
            context: Any, transcript_id: Any, task_type: str, progress: str, **more: Any
        ) -> None:
            skipped = context.attempt > 0 if of_retries else not more.get("is_final")
            if not (progress == status and skipped):
                report(context, transcript_id, task_type, progress, **more)

        return silent

    replace("executor", "report_progress", make)


@mutant("progress-start")
def retries_start_silently() -> None:
    """PIPELINE_PROGRESS is not emitted for the start of a retry."""
    _without_progress("in_progress", of_retries=True)


@mutant("progress-end")
def failure_before_a_retry_untold() -> None:
    """PIPELINE_PROGRESS is not emitted for a failed attempt that is retried."""
    _without_progress("failed", of_retries=False)
