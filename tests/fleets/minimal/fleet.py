"""A fleet of one task in the standard library alone, without rows, events or definitions."""

import json
import os
import time
import urllib.request
from typing import Any

API = os.environ["CONDUCTOR_API"]
TASK = "generate_dynamic_fork_tasks"
SOURCES = {"pad_track": "bucket_name", "transcribe_track": "padded_tracks"}


def call(method: str, path: str, body: object = None) -> bytes:
    """Send a request to Conductor and return its answer."""
    request = urllib.request.Request(
        API + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        answer: bytes = response.read()
    return answer


def plan(given: dict[str, Any]) -> dict[str, Any]:
    """Return one branch for each track."""
    kind, tracks, common = given["task_type"], given["tracks"], given["transcript_id"]
    source = given[SOURCES[kind]]
    if source is None:
        raise ValueError(f"{SOURCES[kind]} is missing")
    inputs: dict[str, dict[str, Any]] = {}
    for index, track in enumerate(tracks):
        branch = {"track_index": index, "transcript_id": common}
        if kind == "pad_track":
            branch |= {"s3_key": track["s3_key"], "bucket_name": source}
        else:
            [padded] = [one for one in source.values() if one["track_index"] == index]
            branch |= {"audio_url": padded["padded_url"], "language": given.get("language") or "en"}
        inputs[f"{kind}_{index}"] = branch
    tasks = [{"name": kind, "taskReferenceName": name, "type": "SIMPLE"} for name in inputs]
    return {"tasks": tasks, "inputs": inputs}


def main() -> None:
    """Poll and answer until killed; with ANSWERS set, hang after that many answers."""
    answers = int(os.environ.get("ANSWERS", "1000000"))
    while True:
        polled = call("GET", f"/tasks/poll/{TASK}?workerid=minimal")
        if not polled:
            time.sleep(0.05)
            continue
        if answers == 0:
            time.sleep(3600)
        answers -= 1
        task = json.loads(polled)
        result = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"]}
        try:
            result |= {"status": "COMPLETED", "outputData": plan(task["inputData"])}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            reason = f"bad input: {error!r}"
            result |= {"status": "FAILED_WITH_TERMINAL_ERROR", "reasonForIncompletion": reason}
        call("POST", "/tasks", result)


if __name__ == "__main__":
    main()
