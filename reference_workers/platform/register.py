"""Register the task definitions and the workflow: `python -m reference_workers.platform.register`.

Plain metadata calls, the same on every version of the server. Doing it twice changes nothing.
"""

from __future__ import annotations

from typing import Any

import httpx

from reference_workers.errors import StartupError
from reference_workers.settings import Settings
from reference_workers.startup import exit_on_startup_error
from trackproof.contracts.load import load_contracts

TIMEOUT_SECONDS = 10.0


def definitions() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return every task definition, and the workflow."""
    contracts = load_contracts()
    return contracts.task_definitions(), dict(contracts.workflow)


def register(server_api_url: str) -> None:
    """Send everything; what is there already is replaced.

    Raises:
        StartupError: The server gave no answer, or refused.
    """
    try:
        with httpx.Client(base_url=server_api_url, timeout=TIMEOUT_SECONDS) as server:
            _send(server)
    except httpx.HTTPStatusError as error:
        raise _refusal(f"it said {error.response.status_code}: {error.response.text}") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _refusal(str(error) or type(error).__name__) from error


def _send(server: httpx.Client) -> None:
    tasks, workflow = definitions()
    known = {task["name"] for task in server.get("/metadata/taskdefs").raise_for_status().json()}
    for task in tasks:
        if task["name"] in known:
            answer = server.put("/metadata/taskdefs", json=task)
        else:
            answer = server.post("/metadata/taskdefs", json=[task])
        answer.raise_for_status()
    server.put("/metadata/workflow", json=[workflow]).raise_for_status()


def _refusal(seen: str) -> StartupError:
    return StartupError(
        f"Conductor was to take the definitions, and did not: {seen}. "
        "Hint: is CONDUCTOR_SERVER_URL the URL of its API, which ends in /api?"
    )


def main() -> None:
    """Register with the server that the environment names."""
    with exit_on_startup_error("register"):
        register(Settings().conductor_server_url)


if __name__ == "__main__":
    main()
