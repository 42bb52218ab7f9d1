"""A testbed whose workers a test starts and kills."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fixtures_audio import make_meeting
from reference_workers.platform.seed import seed
from reference_workers.platform.state.repository import State
from trackproof.fleet import REFERENCE
from trackproof.lab import Testbed
from trackproof.runs.pipeline_run import start_run
from trackproof.runs.scenario import Scenario
from trackproof.testbed.conductor import ConductorServer
from trackproof.wait import wait_until

SECONDS = 120
PROFILE = replace(REFERENCE, environment={**REFERENCE.environment, "RECONCILE_SECONDS": "0.3"})
ON_HOST = "import socket; socket.gethostname = lambda: {host!r}\n"
WORKERS = "from reference_workers.__main__ import main; main()"


@dataclass(frozen=True)
class Bench:
    """A testbed whose workers the arrangement starts and kills."""

    testbed: Testbed
    environment: Mapping[str, str]
    state: State
    folder: Path

    @contextmanager
    def workers(self, host: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run the workers as if on this host; a block that ends kills them."""
        program = ON_HOST.format(host=host) + WORKERS
        with (self.folder / f"{host}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", program], env=self.environment, stdout=log, stderr=log
            )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def start_meeting(self) -> str:
        """Start a meeting of two tracks; return the workflow's id."""
        scenario = Scenario.create(make_meeting(tracks=2, seconds=6, seed=3), self.folder / "audio")
        seed(self.state, scenario.rows(None, None))
        scenario.publish(self.testbed)
        workflow_id = start_run(self.testbed, scenario)
        self.state.store_workflow(scenario.recording_id, workflow_id)
        return workflow_id

    def hosts(self, workflow_id: str) -> set[str]:
        """Return the hosts of the workers that did a workflow's tasks."""
        tasks = self.testbed.rest.workflow(workflow_id)["tasks"]
        return {task["workerId"].partition("/")[0] for task in tasks if task.get("workerId")}

    def ended_at(self, workflow_id: str, reference: str) -> int:
        """Return when a step's last attempt ended, in milliseconds since the epoch."""
        tasks = self.testbed.rest.workflow(workflow_id)["tasks"]
        return max(int(one["endTime"]) for one in tasks if one["referenceTaskName"] == reference)

    def wait_for_workflow(self, workflow_id: str, status: str = "COMPLETED") -> None:
        """Wait for a workflow's status."""
        wait_until(
            lambda: self.testbed.rest.workflow(workflow_id)["status"] == status,
            what=f"the workflow to be {status}",
            timeout=SECONDS,
        )

    def wait_for_transcript(self, workflow_id: str, status: str) -> None:
        """Wait for the status of a workflow's transcript."""
        transcript_id = self.testbed.rest.workflow(workflow_id)["input"]["transcript_id"]
        wait_until(
            lambda: self.state.transcript(transcript_id).status == status,
            what=f"the transcript to be {status!r}",
            timeout=SECONDS,
        )


@contextmanager
def bench(conductor: ConductorServer, folder: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        testbed = stack.enter_context(
            Testbed.started(
                conductor=conductor.api_url, version=conductor.version, report=lambda _: None
            )
        )
        around = stack.enter_context(testbed.surroundings(PROFILE))
        environment = {**os.environ, **around.environment, "DATA_DIR": str(folder / "data")}
        state = stack.enter_context(closing(State(around.database_url)))
        state.migrate()
        register = [sys.executable, "-m", "reference_workers.platform.register"]
        subprocess.run(register, env=environment, check=True, timeout=SECONDS)
        yield Bench(testbed, environment, state, folder)
