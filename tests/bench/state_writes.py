"""A writing fleet process: `python -m tests.bench.state_writes URL TRANSCRIPT NAME TASKS`.

Executes merge_transcripts tasks with validation, events and progress: three transactions each.
Prints `{"failed", "seconds", "slowest"}` as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

from reference_workers.context import Clients, Context
from reference_workers.executor import execute_task
from reference_workers.platform.state.repository import State
from reference_workers.platform.traces import NoTraces

COMMAND = (sys.executable, "-m", "tests.bench.state_writes")

EVENTS_A_TASK = 3
"""in_progress, the result, completed."""


@dataclass(frozen=True, slots=True)
class Written:
    """Results of concurrent writers."""

    failed: int
    """Tasks that did not complete."""
    warnings: str
    """Logged warnings."""
    seconds: float
    """From the first start to the last end."""
    slowest: float
    """Seconds of the slowest task."""


def write_at_once(url: str, transcript_ids: Sequence[str], tasks: int) -> Written:
    """Start one process for each transcript id; all write `tasks` tasks concurrently."""
    processes = [
        subprocess.Popen(
            [*COMMAND, url, transcript_id, f"process-{number}", str(tasks)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number, transcript_id in enumerate(transcript_ids)
    ]
    ready = [process.stdout.readline() for process in processes if process.stdout]
    assert ready == ["ready\n"] * len(processes), ready
    start = time.monotonic()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate()[0].splitlines() for process in processes]
    seconds = time.monotonic() - start
    results = [json.loads(lines[-1]) for lines in outputs]
    return Written(
        failed=sum(result["failed"] for result in results),
        warnings="\n".join(line for lines in outputs for line in lines if "[warning" in line),
        seconds=seconds,
        slowest=max(result["slowest"] for result in results),
    )


def main() -> None:
    """Execute the tasks and print the result."""
    url, transcript_id, name, tasks = *sys.argv[1:4], int(sys.argv[4])
    with closing(State(url)) as state:
        clients = cast("Clients", SimpleNamespace(state=state, traces=NoTraces()))
        print("ready", flush=True)  # noqa: T201
        sys.stdin.readline()
        took = [_task(clients, transcript_id, f"{name}-{number}") for number in range(tasks)]
    seconds = [one for one, _ in took]
    result = {
        "failed": sum(not completed for _, completed in took),
        "seconds": sum(seconds),
        "slowest": max(seconds),
    }
    print(json.dumps(result))  # noqa: T201


def _task(clients: Clients, transcript_id: str, name: str) -> tuple[float, bool]:
    context = Context(
        clients=clients,
        workflow_id=f"workflow-{name}",
        task_id=f"task-{name}",
        reference="merge_transcripts",
    )
    words = [
        {"word": f"word{place}", "start": place / 2, "end": place / 2 + 0.1, "speaker": 0}
        for place in range(20)
    ]
    payload = {
        "transcripts": {"transcribe_track_0": {"words": words, "track_index": 0}},
        "transcript_id": transcript_id,
    }
    start = time.monotonic()
    outcome = execute_task(context, "merge_transcripts", payload)
    return time.monotonic() - start, outcome.status == "COMPLETED"


if __name__ == "__main__":
    main()
