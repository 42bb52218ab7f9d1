"""Each recipe of docs/runbook.md ends the trouble that it is for, on real servers.

An arrangement makes the trouble; the commands are those of the page, in its order.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from tests.e2e.product import CONDUCTOR, announce, start_product, wait_for_trigger
from tests.e2e.runbook.bench import SECONDS, bench
from tests.e2e.runbook.recipes import Recipe, recipes
from trackproof.lab import free_port
from trackproof.testbed.conductor import ConductorServer, start_process
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.wait import wait_until


def a_stuck_workflow(conductor: ConductorServer, folder: Path, recipe: Recipe) -> None:
    with bench(conductor, folder) as on:
        recipe.take(on.environment, folder)
        on.testbed.stand_ins.faults.add(Fault(service="modal", delay=20, times=2))
        with on.workers("dead-host"):
            workflow_id = on.start_meeting()
            wait_until(
                lambda: len(on.testbed.stand_ins.ledger.requests("modal")) == 2,
                what="both transcriptions",
                timeout=SECONDS,
            )
        with on.workers("new-host"):
            assert workflow_id in recipe.run(WORKFLOW_ID=workflow_id)
            waiting = recipe.run()
            assert waiting.count('"status":"IN_PROGRESS"') >= 2
            assert waiting.count('"workerId":"dead-host') == 2
            recipe.run()
            recipe.run()

            on.wait_for_workflow(workflow_id)
            on.wait_for_transcript(workflow_id, "ended")


def workers_of_an_old_deployment(conductor: ConductorServer, folder: Path, recipe: Recipe) -> None:
    with bench(conductor, folder) as on, on.workers("old-host") as old, on.workers("new-host"):
        recipe.take(on.environment, folder)
        workflow_id = on.start_meeting()
        on.wait_for_workflow(workflow_id)

        assert "old-host" in recipe.run(WORKFLOW_ID=workflow_id)
        assert "finalize COMPLETED" in recipe.run()
        recipe.run(OLD_PID=str(old.pid))

        assert old.wait(SECONDS) == 0
        after = on.start_meeting()
        on.wait_for_workflow(after)
        assert on.hosts(after) == {"new-host"}


def a_poison_task(conductor: ConductorServer, folder: Path, recipe: Recipe) -> None:
    with bench(conductor, folder) as on, on.workers("host"):
        recipe.take(on.environment, folder)
        ledger = on.testbed.stand_ins.ledger
        on.testbed.stand_ins.faults.add(Fault(service="modal", status=503))
        workflow_id = on.start_meeting()
        wait_until(lambda: ledger.requests("modal"), what="a transcription", timeout=SECONDS)
        wait_until(
            lambda: any(
                task["status"] == "FAILED"
                for task in on.testbed.rest.workflow(workflow_id)["tasks"]
            ),
            what="a failed attempt",
            timeout=SECONDS,
        )

        assert "transcribe_track" in recipe.run(WORKFLOW_ID=workflow_id)
        recipe.run()
        on.wait_for_workflow(workflow_id, "TERMINATED")
        on.wait_for_transcript(workflow_id, "error")
        on.testbed.stand_ins.faults.clear()
        recipe.run()

        on.wait_for_workflow(workflow_id)
        on.wait_for_transcript(workflow_id, "ended")


def a_growing_queue(conductor: ConductorServer, folder: Path, recipe: Recipe) -> None:
    with bench(conductor, folder) as on:
        recipe.take(on.environment, folder)
        workflow_ids = [on.start_meeting() for _ in range(2)]

        assert '"get_recording":2' in recipe.run()
        recipe.run()
        try:
            for workflow_id in workflow_ids:
                on.wait_for_workflow(workflow_id)
        finally:
            _end(folder / "workers.pid")


def restarting_a_step(conductor: ConductorServer, folder: Path, recipe: Recipe) -> None:
    with bench(conductor, folder) as on, on.workers("host"):
        recipe.take(on.environment, folder)
        on.testbed.stand_ins.faults.add(Fault(service="llm", status=400))
        workflow_id = on.start_meeting()
        on.wait_for_workflow(workflow_id, "FAILED")
        on.testbed.stand_ins.faults.clear()

        recipe.run(WORKFLOW_ID=workflow_id)
        on.wait_for_workflow(workflow_id)
        before = [on.ended_at(workflow_id, step) for step in ("generate_title", "finalize")]
        recipe.run(STEP="finalize")
        on.wait_for_workflow(workflow_id)

        on.wait_for_transcript(workflow_id, "ended")
        after = [on.ended_at(workflow_id, step) for step in ("generate_title", "finalize")]
        assert after[0] == before[0]
        assert after[1] > before[1]


def upgrading_the_server(_conductor: ConductorServer, folder: Path, recipe: Recipe) -> None:
    port = free_port()
    with ExitStack() as stack:
        old = stack.enter_context(start_process("3.15.0", report=print, port=port))
        on = stack.enter_context(bench(old, folder))
        stack.enter_context(on.workers("host"))
        recipe.take(on.environment, folder)
        assert "3.21.14" in recipe.run()
        workflow_id = on.start_meeting()
        recipe.run()
        assert on.testbed.rest.workflow(workflow_id)["status"] == "COMPLETED"
        old.stop()

        with start_process("3.21.14", report=print, port=port):
            assert '"name": "diarization_pipeline"' in recipe.run()
            on.wait_for_workflow(on.start_meeting())


def rolling_back_to_celery(conductor: ConductorServer, folder: Path, recipe: Recipe) -> None:
    with start_product(conductor, folder, with_legacy=False) as product:
        port = str(free_port())
        recipe.take({**product.environment, "TRIGGER_PORT": port}, folder)
        running = subprocess.Popen(
            [sys.executable, "-m", "reference_workers.platform.trigger"],
            env={**recipe.environment, **CONDUCTOR},
        )
        with running:
            url = f"http://127.0.0.1:{port}/webhooks/daily"
            try:
                wait_for_trigger(url)
                recipe.run(TRIGGER_PID=str(running.pid))
            finally:
                running.kill()
        try:
            wait_for_trigger(url)
            meeting = product.finished_meeting()
            announce(url, meeting)
            product.wait_for_transcripts(meeting, 1)
            row = product.recording(meeting)
            assert (row["workflow_id"], bool(row["legacy_task_id"])) == (None, True)
            recipe.run()
        finally:
            _end(folder / "trigger.pid")
            _end(folder / "legacy.pid")


def _end(pid_file: Path) -> None:
    """End a process that a recipe has started."""
    pid = int(pid_file.read_text(encoding="utf-8"))
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.terminate()
        wait_until(
            lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE,
            what=f"{pid_file.stem} to end",
            timeout=30,
        )


ARRANGEMENTS: Mapping[str, Callable[[ConductorServer, Path, Recipe], None]] = {
    "Stuck workflow": a_stuck_workflow,
    "Workers of an old deployment": workers_of_an_old_deployment,
    "Poison task": a_poison_task,
    "Growing queue": a_growing_queue,
    "Restarting a step": restarting_a_step,
    "Upgrading the server": upgrading_the_server,
    "Rolling back to Celery": rolling_back_to_celery,
}


def test_every_recipe_of_the_page_has_an_arrangement_and_commands() -> None:
    page = recipes()

    assert page.keys() == ARRANGEMENTS.keys()
    assert [title for title, recipe in page.items() if not recipe.blocks] == []


@pytest.mark.nightly
@pytest.mark.conductor
@pytest.mark.timeout(600)
@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(
    "title",
    [
        pytest.param(title, marks=[pytest.mark.legacy] if "Celery" in title else [])
        for title in ARRANGEMENTS
    ],
)
def test_a_recipe_ends_the_trouble(title: str, conductor: ConductorServer, tmp_path: Path) -> None:
    recipe = recipes()[title]

    ARRANGEMENTS[title](conductor, tmp_path, recipe)

    assert recipe.is_done
