"""Poll Conductor with its SDK, one thread a task type, until SIGTERM."""

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import jsonschema
from conductor.client.automator.task_runner import TaskRunner
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models.task import Task
from conductor.client.http.models.task_result import TaskResult
from conductor.client.http.models.task_result_status import TaskResultStatus
from conductor.client.worker.worker import Worker
from minutes import detect_topics, generate_summary, generate_title
from openai import APIStatusError
from store import has_meeting

TASKS = {
    "detect_topics": detect_topics,
    "generate_title": generate_title,
    "generate_summary": generate_summary,
}
CONTRACTS = json.loads(Path(os.environ["CONTRACTS"]).read_text())["tasks"]
TRANSIENT = {408, 425, 429}


def serve(task: Task) -> TaskResult:
    """Execute one task; every end of it is a result."""
    result = TaskResult(
        task_id=task.task_id,
        workflow_instance_id=task.workflow_instance_id,
        worker_id="llama-index",
    )
    result.status, result.reason_for_incompletion = TaskResultStatus.COMPLETED, None
    try:
        result.output_data = _output(task.task_def_name, task.input_data)
    except PermanentError as error:
        result.status = TaskResultStatus.FAILED_WITH_TERMINAL_ERROR
        result.reason_for_incompletion = str(error)
    except Exception as error:
        traceback.print_exc()
        result.status = TaskResultStatus.FAILED
        result.reason_for_incompletion = _reason(error)
    return result


def _reason(error: BaseException | None) -> str:
    """Return an error with its causes: the client of the LLM says only "Connection error."."""
    reasons = []
    while error is not None:
        reasons.append(f"{type(error).__name__}: {error}")
        error = error.__cause__
    return "; because of ".join(reasons)[:500]


class PermanentError(Exception):
    """Another attempt would fail too."""


def _output(name: str, given: dict[str, Any]) -> dict[str, Any]:
    try:
        jsonschema.validate(given, CONTRACTS[name]["input"])
    except jsonschema.ValidationError as error:
        raise PermanentError(f"input {error.json_path}: {error.message[:200]}") from error
    if not has_meeting(given["transcript_id"]):
        raise PermanentError(f"no such transcript: {given['transcript_id'][:100]}")
    try:
        return TASKS[name](given)
    except APIStatusError as error:
        if error.status_code < 500 and error.status_code not in TRANSIENT:
            raise PermanentError(f"the LLM refuses: {error.status_code}") from error
        raise


def main() -> None:
    """Poll until SIGTERM or SIGINT, and finish what runs then."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    server = Configuration(server_api_url=os.environ["CONDUCTOR_SERVER_URL"])

    def poll(name: str) -> None:
        runner = TaskRunner(Worker(name, serve, poll_interval=0.1), server)
        while not stopped.is_set():
            runner.run_once()

    threads = [threading.Thread(target=poll, args=[name]) for name in TASKS]
    for thread in threads:
        thread.start()
    stopped.wait()
    for thread in threads:
        thread.join()
    sys.exit(0)


if __name__ == "__main__":
    main()
