"""Plan the branches of a dynamic fork: the one task that this fleet serves."""

import json
import os
import time
import urllib.request

API, DOMAIN = os.environ["CONDUCTOR_API"], os.environ["DOMAIN"]
TASK = "generate_dynamic_fork_tasks"


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


def main() -> None:
    """Poll and answer until killed."""
    while True:
        polled = call("GET", f"/tasks/poll/{TASK}?workerid=part&domain={DOMAIN}")
        if not polled:
            time.sleep(0.05)
            continue
        task = json.loads(polled)
        kind, tracks = task["inputData"]["task_type"], task["inputData"]["tracks"]
        names = [f"{kind}_{index}" for index in range(len(tracks))]
        output = {
            "tasks": [
                {"name": kind, "taskReferenceName": name, "type": "SIMPLE"} for name in names
            ],
            "inputs": {name: {"track_index": index} for index, name in enumerate(names)},
        }
        result = {
            "workflowInstanceId": task["workflowInstanceId"],
            "taskId": task["taskId"],
            "status": "COMPLETED",
            "outputData": output,
        }
        call("POST", "/tasks", result)


if __name__ == "__main__":
    main()
