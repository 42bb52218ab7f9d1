"""Coverage, measured from runs and ledgers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.trackproof.runs.recorded_runs import good_run
from trackproof.contracts.load import load_contracts
from trackproof.events.coverage import ENDS, Coverage, Covered
from trackproof.testbed.s3.server import OWN_AGENT
from trackproof.testbed.stand_ins.ledger import Request
from trackproof.verify.coverage.floor import shortfalls
from trackproof.verify.coverage.graph import edges, name_of
from trackproof.verify.coverage.measurement import endpoints
from trackproof.verify.coverage.watch import CoverageWatch

CONTRACTS = load_contracts()


def run(*tasks: dict[str, Any], name: str = "conformance_x", **fields: Any) -> dict[str, Any]:
    return {
        "workflowId": "run-1",
        "workflowName": name,
        "status": "COMPLETED",
        "tasks": list(tasks),
        **fields,
    }


def task(name: str, status: str = "COMPLETED", **fields: Any) -> dict[str, Any]:
    return {"taskDefName": name, "referenceTaskName": name, "status": status, **fields}


def seen(*workflows: dict[str, Any]) -> CoverageWatch:
    watch = CoverageWatch()
    for workflow in workflows:
        watch.record(workflow)
    return watch


def request(
    service: str, method: str, path: str, status: int | None, agent: str = "acme/1.0"
) -> Request:
    headers = (("user-agent", agent),)
    return Request(0, service, method, path, {}, headers, b"", 0.0, status, b"", 0.0)


def test_the_edges_are_those_of_the_workflow() -> None:
    found = [name_of(edge) for edge in edges(CONTRACTS)]

    assert len(found) == len(set(found)) == 22
    assert found[0] == "get_recording → get_participants"
    for edge in (
        "fork_track_padding → pad_track",
        "pad_track → join_track_padding",
        "fork_title_summary → generate_summary",
        "generate_title → join_title_summary",
        "post_zulip → send_webhook",
    ):
        assert edge in found
    assert "generate_title → generate_summary" not in found


def test_one_whole_run_exercises_every_edge() -> None:
    workflow = dict(good_run().workflow)
    # The scripted run leaves out what no worker carries out.
    own = {name for edge in edges(CONTRACTS) for name in edge if name.startswith(("fork", "join"))}
    tasks = [*workflow["tasks"], *map(task, own)]

    watch = seen(run(*tasks, name="diarization_pipeline"))

    assert watch.edges == set(edges(CONTRACTS))


def test_an_edge_counts_if_one_pipeline_run_completes_its_start_and_schedules_its_end() -> None:
    pair = (task("get_recording"), task("get_participants", "FAILED"))

    assert seen(run(*pair, name="diarization_pipeline")).edges == {
        ("get_recording", "get_participants")
    }
    assert seen(run(*pair)).edges == set()
    assert seen(run(*pair[::-1], name="diarization_pipeline", status="RUNNING")).edges == set()
    failed = run(task("get_recording", "FAILED"), pair[1], name="diarization_pipeline")
    assert seen(failed).edges == set()


def test_every_ending_of_an_attempt_is_counted() -> None:
    watch = seen(
        run(
            task("pad_track", "TIMED_OUT", retryCount=0),
            task("pad_track", "FAILED", retryCount=1),
            task("pad_track", "FAILED_WITH_TERMINAL_ERROR", retryCount=2),
            task("pad_track", retryCount=3),
        )
    )

    assert {end: watch.ends["pad_track", end] for end in ENDS} == {
        "completed": 1,
        "failed": 2,
        "timed out": 1,
        "retried": 3,
    }


def test_a_run_that_is_polled_often_counts_once() -> None:
    workflow = run(task("pad_track"))

    assert seen({**workflow, "status": "RUNNING"}, workflow, workflow).ends.total() == 1


def test_the_suites_own_task_results_do_not_count() -> None:
    watch = seen(
        run(
            task("pad_track", "TIMED_OUT", workerId="trackproof"),
            task("pad_track", "FAILED", workerId="trackproof", retryCount=1),
        )
    )

    assert dict(watch.ends) == {("pad_track", "timed out"): 1}


def test_requests_are_counted_by_operation_and_answer() -> None:
    found = {
        (one.service, one.operation): dict(one.answers)
        for one in endpoints(
            CONTRACTS,
            [
                request("daily", "GET", "/recordings/recording-1", 200),
                request("daily", "GET", "/recordings/recording-2", 404),
                request("daily", "GET", "/recordings/recording-2", None),
                request("daily", "GET", "/meetings/session-1/participants", 503),
                request("daily", "GET", "/nothing/of/the/kind", 404),
                request("webhook", "POST", "/room-1", 500),
                request("s3", "PUT", "/transcripts/transcript-1/audio.mp3", 200),
                request("s3", "PUT", "/recordings/track", 200, f"Boto3/1.44 {OWN_AGENT}"),
            ],
        )
    }

    assert found["daily", "GET /recordings/{id}"] == {"200": 1, "404": 1, "dropped": 1}
    assert found["daily", "GET /meetings/{id}/participants"] == {"503": 1}
    assert found["webhook", "POST transcript.completed"] == {"500": 1}
    assert found["s3", "PUT object"] == {"200": 1}
    assert found["s3", "DELETE object"] == {}
    assert {service for service, _ in found} == {*CONTRACTS.services, "s3"}


def test_covered_items_keep_the_order_of_the_known_ones() -> None:
    part = Covered.of(["a", "b", "c", "a"], ["c", "a", "unknown"])

    assert (part.seen, part.missing, part.total) == (("a", "c"), ("b",), 3)
    assert part.percent == pytest.approx(200 / 3)
    assert Covered.of([], []).percent == 100


def test_each_part_below_the_floor_is_reported() -> None:
    coverage = Coverage(
        clauses=Covered.of("ab", "ab"),
        tasks=Covered.of("abc", "ab"),
        edges=Covered.of("abcd", "a"),
        events=Covered.of("a", ""),
        ends={},
        endpoints=(),
    )

    assert shortfalls(coverage, 0) == ()
    assert shortfalls(coverage, 50) == (
        "1 of 4 edges were exercised, the floor is 50 %; missing: b, c, d",
    )
    assert [line.split(" were")[0] for line in shortfalls(coverage, 100)] == [
        "2 of 3 tasks",
        "1 of 4 edges",
    ]
