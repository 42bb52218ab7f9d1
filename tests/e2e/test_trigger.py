"""Finished recordings become transcripts through the real trigger, Conductor and Celery.

One product moves: it starts with the legacy pipeline, runs both side by side, loses its Conductor
and ends with Conductor alone. Each stage restarts the trigger with another environment. At night
the server dies in the middle of a meeting, and the answer to a start is lost.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.e2e.product_meetings import MeetingsOfProduct, start_product
from tests.unit.background import in_background
from trackproof.fleet import REFERENCE
from trackproof.testbed.conductor import ConductorServer, start_conductor
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.verify.shadow_comparison import compare_shadow_run
from trackproof.wait import wait_until

pytestmark = [pytest.mark.conductor, pytest.mark.legacy, pytest.mark.timeout(400)]


NOWHERE = {"CONDUCTOR_SERVER_URL": "http://127.0.0.1:9/api"}


@pytest.fixture
def product(conductor: ConductorServer, tmp_path: Path) -> Iterator[MeetingsOfProduct]:
    with start_product(conductor, tmp_path) as started:
        yield started


@pytest.mark.nightly
def test_a_recording_goes_to_the_pipelines_of_the_switch(product: MeetingsOfProduct) -> None:
    with product.trigger("legacy") as trigger:
        legacy = product.finished_meeting()
        assert trigger.announce(legacy).json()["processed"]
    with product.trigger("shadow") as trigger:
        shadowed = product.finished_meeting()
        assert trigger.announce(shadowed).json()["processed"]
    with product.trigger("fallback", environment=NOWHERE) as trigger:
        lost = product.finished_meeting()
        assert trigger.announce(lost).json()["processed"]
    # Daily's list has all of them: only the one without a pipeline is started, once.
    with product.trigger("conductor") as trigger:
        alone = product.finished_meeting()
        trigger.announce(alone)
        [of_conductor] = product.wait_for_transcripts(alone, 1)

    [by_celery] = product.wait_for_transcripts(legacy, 1)
    [counting, shadow] = product.wait_for_transcripts(shadowed, 2)
    [fallen_back] = product.wait_for_transcripts(lost, 1)
    spoken = of_conductor["words"]
    assert len(json.loads(spoken)) > 4
    assert {one["words"] for one in (by_celery, counting, shadow, fallen_back)} == {spoken}
    rows = [product.recording(one.recording_id) for one in (legacy, shadowed, lost, alone)]
    used = [(bool(row.workflow_id), bool(row.legacy_task_id)) for row in rows]
    assert used == [(False, True), (True, True), (False, True), (True, False)]
    product.wait_for_workflows([row.workflow_id for row in rows if row.workflow_id])
    comparison = compare_shadow_run(
        REFERENCE,
        shadowed.recording_id,
        product.fleet.database_url,
        rest=product.testbed.rest,
    )
    assert comparison.differences == ()
    assert comparison.right.steps["mixdown_tracks"] > 0
    # A meeting has its deliveries once: a shadow run delivers nothing.
    assert [product.deliveries(one) for one in (legacy, shadowed, lost, alone)] == [(1, 1)] * 4


@pytest.mark.nightly
def test_a_meeting_whose_conductor_dies_goes_to_the_legacy_pipeline(tmp_path: Path) -> None:
    with start_conductor("process") as server, start_product(server, tmp_path) as product:
        ledger = product.testbed.stand_ins.ledger
        # The transcription is under way when the server dies.
        product.testbed.stand_ins.faults.add(Fault(service="modal", delay=5, times=2))
        with product.trigger("fallback") as trigger:
            meeting = product.finished_meeting()
            trigger.announce(meeting)
            wait_until(lambda: ledger.requests("modal"), what="a transcription", timeout=60)
            server.stop()

            [transcript] = product.wait_for_transcripts(meeting, 1)
            assert trigger.log().count("falling back to the legacy pipeline") == 1

        row = product.recording(meeting.recording_id)
        assert row.workflow_id
        assert row.legacy_task_id
        assert len(json.loads(transcript["words"])) > 4
        assert product.deliveries(meeting) == (1, 1)


@contextmanager
def losing_answers(api_url: str, seconds: float) -> Iterator[str]:
    """Serve a Conductor whose answer to the start of a workflow is lost after some seconds."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = httpx.request(
                self.command,
                api_url.removesuffix("/api") + self.path,
                content=body,
                headers={"Content-Type": "application/json"},
            )
            if self.command == "POST" and self.path.startswith("/api/workflow/diarization"):
                ended.wait(seconds)
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "text/plain"))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = do_DELETE = pass_on  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, in_background(server):
        yield f"http://127.0.0.1:{server.server_port}/api"
        ended.set()


@pytest.mark.nightly
@pytest.mark.parametrize("seconds", [0, 30], ids=["lost", "too late"])
def test_a_workflow_whose_start_has_no_answer_is_found_and_not_doubled(
    seconds: float, product: MeetingsOfProduct
) -> None:
    with (
        losing_answers(product.testbed.conductor.api_url, seconds) as api_url,
        product.trigger("fallback", environment={"CONDUCTOR_SERVER_URL": api_url}) as trigger,
    ):
        meeting = product.finished_meeting()
        assert trigger.announce(meeting).json()["processed"]

        [_] = product.wait_for_transcripts(meeting, 1)

    row = product.recording(meeting.recording_id)
    assert row.legacy_task_id is None
    product.wait_for_workflows([str(row.workflow_id)])
    assert product.deliveries(meeting) == (1, 1)
