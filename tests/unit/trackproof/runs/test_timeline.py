from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from trackproof.errors import UsageError
from trackproof.events.timeline import Cost, Timeline
from trackproof.report.terminal.timeline import render_timeline
from trackproof.runs.timeline import timeline_of

BEGAN = 1_700_000_000.0
NOW = BEGAN + 60


def task(
    reference: str, began: float | None = 0.0, seconds: float = 1.0, **changes: Any
) -> dict[str, Any]:
    """Return an attempt as Conductor's API has it; times in seconds since the run began."""
    start = 0 if began is None else (BEGAN + began) * 1000
    return {
        "taskId": f"id-{reference}-{changes.get('retryCount', 0)}",
        "referenceTaskName": reference,
        "taskDefName": reference.partition(".")[0],
        "taskType": reference.partition(".")[0],
        "status": "COMPLETED",
        "scheduledTime": (BEGAN + (began or 0.0)) * 1000 - 500,
        "startTime": start,
        "endTime": 0 if began is None else (BEGAN + began + seconds) * 1000,
        "retryCount": 0,
        **changes,
    }


def failing(reference: str, began: float, reason: str, **changes: Any) -> dict[str, Any]:
    return task(reference, began, status="FAILED", reasonForIncompletion=reason, **changes)


MAY_RETRY = {"retryCount": 3}


def failed_join(*on: str) -> dict[str, Any]:
    return failing("JOIN", 2, "answered 503", taskType="JOIN", inputData={"joinOn": list(on)})


def build(
    *tasks: dict[str, Any], status: str = "COMPLETED", costs: Any = None, **changes: Any
) -> Timeline:
    workflow = {
        "workflowId": "workflow-1",
        "workflowName": "diarization_pipeline",
        "status": status,
        "createTime": BEGAN * 1000,
        "endTime": (BEGAN + 10) * 1000,
        "tasks": list(tasks),
        **changes,
    }
    return timeline_of(workflow, costs, NOW)


def printed(timeline: Timeline, *, width: int = 200) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(render_timeline(timeline, width=width))
    return capture.get()


def test_a_completed_run_has_no_cause() -> None:
    timeline = build(task("get_recording", 0.5), task("join", taskType="JOIN"), task("finalize", 2))

    assert [(one.reference, one.began, one.seconds) for one in timeline.attempts] == [
        ("get_recording", 0.5, 1.0),
        ("finalize", 2.0, 1.0),
    ]
    assert (timeline.status, timeline.seconds, timeline.cause) == ("COMPLETED", 10.0, "")
    assert timeline.attempts[0].waited == 0.5


def test_a_recovered_failure_is_shown_but_is_no_cause() -> None:
    timeline = build(failing("pad", 0, "answered 503"), task("pad", 5, retryCount=1))

    assert timeline.cause == ""
    assert [(one.number, one.failed) for one in timeline.attempts] == [(1, True), (2, False)]
    assert "✗ pad, attempt 1: answered 503" in printed(timeline)


def test_the_first_cause_is_the_first_failure_of_the_task_that_ended_the_run() -> None:
    timeline = build(
        failing("recovered", 0, "answered 503"),
        task("recovered", 1, retryCount=1),
        failing("pad.1", 2, "answered 500"),
        failing("pad.1", 4, "answered 502", retryCount=1),
        failing("pad.2", 6, "no answer"),
        task("pad.3", 1, 6, status="CANCELED", reasonForIncompletion="a sibling failed"),
        failing("post_zulip", 0, "answered 401", workflowTask={"optional": True}),
        status="FAILED",
    )

    assert timeline.cause == "pad.1, attempt 1, and 1 more, 3.0 s into the run: answered 500"
    assert "First cause: pad.1, attempt 1" in printed(timeline)


def test_a_timed_out_task_is_a_failure_without_a_reason() -> None:
    timeline = build(task("pad", 0, 20, status="TIMED_OUT"), status="TIMED_OUT")

    assert timeline.cause == "pad, attempt 1, 20.0 s into the run: TIMED_OUT, no reason given"


@pytest.mark.parametrize(
    "canceled", [[], [task("transcribe.1", None, status="CANCELED", retryCount=1)]]
)
def test_a_run_that_a_join_failed_too_early_blames_conductor(
    canceled: list[dict[str, Any]],
) -> None:
    timeline = build(
        task("transcribe.0", status="CANCELED"),
        failing("transcribe.1", 2, "answered 503", workflowTask={"taskDefinition": MAY_RETRY}),
        failed_join("transcribe.0", "transcribe.1"),
        *canceled,
        status="FAILED",
    )

    assert timeline.cause.startswith("transcribe.1, attempt 1, ")
    assert timeline.cause.endswith(
        "3.0 s into the run: answered 503; Conductor ended the run before it scheduled "
        "the next attempt: restart the run"
    )


def test_a_terminated_run_has_the_reason_as_cause() -> None:
    timeline = build(
        task("pad", 0, status="CANCELED"),
        status="TERMINATED",
        reasonForIncompletion="no longer wanted",
    )

    assert timeline.cause == "terminated from outside: no longer wanted"


def test_a_running_workflow_is_shown_until_now() -> None:
    timeline = build(
        failing("pad", 0, "answered 503"),
        task("pad", 20, status="IN_PROGRESS", endTime=0, retryCount=1),
        task("mix", None, status="SCHEDULED"),
        status="RUNNING",
        endTime=0,
    )

    assert timeline.seconds == 60.0
    waiting = timeline.attempts[-1]
    assert (waiting.reference, waiting.began, waiting.waited) == ("mix", None, 60.5)
    assert timeline.attempts[1].seconds == 40.0
    assert timeline.cause == "so far: pad, attempt 1, and 1 more, 1.0 s into the run: answered 503"
    assert "waiting" in printed(timeline)


def test_costs_are_shown_per_attempt_and_in_total() -> None:
    costs = {
        "id-pad-0": Cost(1.5, 1, 3, 0, 2_500_000, 999, 60.0, 0, 0),
        "id-title-0": Cost(0.5, 1, 1, 2, 10, 10, 0.0, 100, 20),
    }
    timeline = build(task("pad"), task("title", 2), task("unknown", 4), costs=costs)

    assert timeline.cost == Cost(2.0, 2, 4, 2, 2_500_010, 1009, 60.0, 100, 20)
    assert [one.cost for one in timeline.attempts] == [*costs.values(), None]
    text = printed(timeline)
    assert "2.5 MB" in text
    assert "1 (+2 cached)" in text
    assert "Costs: 2.0 s of work, 4 service calls, 2 cached answers" in text


@pytest.mark.parametrize("width", [80, 129, 130])
def test_a_narrow_terminal_truncates_no_figure(width: int) -> None:
    name = "generate_transcription_tasks"
    costs = {f"id-{name}-0": Cost(1.5, 1, 12, 34, 612_500_000, 999_900, 3600.5, 100_000, 23_456)}

    lines = printed(build(task(name, 1.25), costs=costs), width=width).splitlines()

    assert "…" not in "".join(lines)
    figures = ["1", "1.25", "1.00", "12", "(+34", "cached)", "612.5", "MB", "999.9", "kB"]
    (row,) = [line.split() for line in lines if "123456" in line]
    assert [part for part in row if not set(part) & set("✓█_")] == [
        *figures,
        *("3600.5", "s", "123456"),
    ]


def test_costs_are_unknown_without_a_database() -> None:
    assert "Costs: unknown: no table task_costs was read" in printed(build(task("pad")))


def test_hostile_text_stays_on_its_line() -> None:
    timeline = build(
        failing("pad\x1b[2J", 0, "[red]one[/red]\r\nFirst cause: two\x07"), status="FAILED"
    )

    text = printed(timeline)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]one[/red] First cause: two" in text
    assert not [line for line in text.splitlines() if line.startswith("First cause: two")]


@pytest.mark.parametrize("response", [{}, {"tasks": []}, {"tasks": [{}], "createTime": 1}], ids=str)
def test_a_response_that_is_no_run_is_a_usage_error(response: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="is not a workflow run"):
        timeline_of(response, None, NOW)
