"""Register the task definitions and the workflow: `python -m reference_workers.register`.

Plain metadata calls, the same on every version of the server. Doing it twice changes nothing.
"""

from __future__ import annotations

from typing import Any

import httpx

from contracts.load import load_contracts
from reference_workers.settings import Settings

TIMEOUT_SECONDS = 10.0


def definitions() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return every task definition, and the workflow."""
    contracts = load_contracts()
    return contracts.task_definitions(), dict(contracts.workflow)


def register(server_api_url: str) -> None:
    """Send everything; what is there already is replaced.

    Raises:
        httpx.HTTPError: The server gave no answer, or refused.
    """
    tasks, workflow = definitions()
    with httpx.Client(base_url=server_api_url, timeout=TIMEOUT_SECONDS) as server:
        known = {task["name"] for task in server.get("/metadata/taskdefs").json()}
        for task in tasks:
            if task["name"] in known:
                answer = server.put("/metadata/taskdefs", json=task)
            else:
                answer = server.post("/metadata/taskdefs", json=[task])
            answer.raise_for_status()
        server.put("/metadata/workflow", json=[workflow]).raise_for_status()


def main() -> None:
    """Register with the server that the environment names."""
    register(Settings().conductor_server_url)


if __name__ == "__main__":
    main()
