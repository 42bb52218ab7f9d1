"""Clauses `<task>.transient-errors`, `.permanent-errors` and `.other-shape`.

They hold the lists under `errors` in the contract of every task that calls an outside service.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from trackproof.checks.secrets import leaking
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.outside_calls import (
    SERVICES,
    expect_result,
    fresh_meeting,
    input_of,
    spoken_words,
)
from trackproof.suite.harness import Harness, describe_fault

TRANSIENT: tuple[dict[str, Any], ...] = (
    *({"status": status} for status in (408, 425, 429, 500, 501, 502, 503, 504, 520)),
    {"drop": True},
)

PERMANENT = (401, 402, 403, 404, 405, 410, 422, 451)

NOT_JSON = ("", "<html>", "[]", "null")

OTHER_SHAPES = {
    "daily": (*NOT_JSON, "{}"),
    "modal": (
        *(*NOT_JSON, "{}", '{"words": null}', '{"words": "hello"}', '{"text": "hello"}'),
        *('{"words": [7]}', '{"words": [{"start": 1, "end": 2}]}', '{"words": {"word": "a"}}'),
    ),
    "llm": (
        *NOT_JSON,
        "{}",
        '{"choices": []}',
        *(
            json.dumps({"choices": [{"finish_reason": "stop", "message": {"content": content}}]})
            for content in (None, "", "I cannot say.", "{}", '{"unknown": 5}')
        ),
    ),
}
"""Answers with status 200 that are not what the service promises."""

RECORDING = {
    "id": "r",
    "room_name": "room",
    "start_ts": 1_700_000_000,
    "duration": 8,
    "status": "finished",
    "mtgSessionId": "s",
}
PERSON = {
    "participant_id": "p",
    "user_id": "u",
    "user_name": "Ada",
    "join_time": 1_700_000_000,
    "duration": 8,
}

FIELDS_OF_OTHER_TYPES: dict[str, tuple[str, ...]] = {
    "get_recording": (
        *(
            json.dumps({key: value for key, value in RECORDING.items() if key != name})
            for name in ("id", "room_name")
        ),
        *(
            json.dumps({**RECORDING, **wrong})
            for wrong in (
                *({"id": 7}, {"id": None}, {"room_name": None}, {"room_name": ["room"]}),
                *({"duration": "12.5"}, {"duration": -1}, {"mtgSessionId": 7}),
            )
        ),
    ),
    "get_participants": (
        *('{"data": null}', '{"data": "nobody"}', '{"data": {}}', '{"data": [7]}'),
        json.dumps({"data": [PERSON, {**PERSON, "participant_id": 7}]}),
    ),
}
"""Answers in which a field that the task uses is missing or of another type, by task."""


def clauses(name: str, *tasks: str) -> list[Any]:
    ids = {"send_webhook": "retry-on-5xx"} if name == "transient-errors" else {}
    return [
        pytest.param(task, marks=pytest.mark.clause(f"{task}.{ids.get(task, name)}"))
        for task in tasks
    ]


def expect_retries(harness: Harness, task: str, faults: list[dict[str, Any]]) -> None:
    """Let the service fail once in each of these ways; every time the task must be retried."""
    meeting = fresh_meeting(harness, task)
    for fault in faults:
        harness.break_service(SERVICES[task], times=1, **fault)

    run = harness.run_task(task, input_of(harness, task, meeting), retries=len(faults))

    # An HTTP client may repeat a request within an attempt, so the attempts are not counted.
    expect(run.statuses[:-1], "statuses of the attempts before the last").holds(
        set(run.statuses[:-1]) <= {"FAILED"}, "FAILED each time, for a retry"
    )
    unmet = [describe_fault(fault) for fault in harness.testbed.stand_ins.faults.unmet()]
    expect(unmet, "failures of the service that were left when the task ended").equals([])
    expect_result(run)


@pytest.mark.parametrize("task", clauses("transient-errors", *SERVICES))
def test_each_outage_costs_a_retry_and_no_result(task: str, harness: Harness) -> None:
    expect_retries(harness, task, [*TRANSIENT])


@pytest.mark.parametrize(
    "task", clauses("permanent-errors", *(one for one in SERVICES if one != "send_webhook"))
)
def test_each_refusal_fails_terminally(task: str, harness: Harness) -> None:
    for status in PERMANENT:
        meeting = fresh_meeting(harness, task)
        harness.break_service(SERVICES[task], status=status)

        run = harness.run_task(task, input_of(harness, task, meeting))

        expect(run.statuses, f"attempt statuses after an answer of {status}").equals(
            ["FAILED_WITH_TERMINAL_ERROR"]
        )
        refused = [one for one in run.requests_to(SERVICES[task]) if one.status == status]
        expect(len(refused), f"requests that were answered {status}").equals(1)
        leaks = leaking({"the reason": run.reason}, harness.secrets)
        expect(leaks, "secrets in the reason").equals([])
        harness.check_faults()
        harness.clear_faults()


@pytest.mark.parametrize(
    "task",
    clauses("other-shape", *(one for one, service in SERVICES.items() if service in OTHER_SHAPES)),
)
def test_an_answer_of_another_shape_is_retried(task: str, harness: Harness) -> None:
    bodies = (*OTHER_SHAPES[SERVICES[task]], *FIELDS_OF_OTHER_TYPES.get(task, ()))
    expect_retries(harness, task, [{"body": body} for body in bodies])


@pytest.mark.parametrize("task", clauses("transient-errors", "detect_topics", "generate_summary"))
def test_an_outage_at_the_last_call_costs_no_part_of_the_result(
    task: str, harness: Harness
) -> None:
    # Two meetings with other words and as many subjects cost as many calls.
    earlier, meeting = fresh_meeting(harness, task), fresh_meeting(harness, task)
    payload = input_of(harness, task, earlier) | {"words": spoken_words(earlier, 620)}
    calls = len(harness.run_task(task, payload, about=earlier).requests_to("llm"))
    expect(calls, "calls to the LLM").holds(calls > 1, "more than one")
    payload = input_of(harness, task, meeting) | {"words": spoken_words(meeting, 620)}
    harness.break_service("llm", skip=calls - 1, times=1, status=503)

    run = harness.run_task(task, payload, retries=1)

    unmet = [describe_fault(fault) for fault in harness.testbed.stand_ins.faults.unmet()]
    expect(unmet, "failures of the service that were left when the task ended").equals([])
    expect_result(run)
    again = harness.run_task(task, payload)
    expect(again.output, "output of the next run").equals(run.output)
    expect(again.requests_to("llm"), "calls to the LLM in the next run").equals([])
