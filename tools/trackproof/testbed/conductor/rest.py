"""A small typed client for the parts of Conductor's REST API the laboratory uses."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable, Mapping
from functools import cache
from types import TracebackType
from typing import Any, Self

import httpx

from trackproof.errors import TestbedError
from trackproof.testbed.conductor import limits

Json = dict[str, Any]

ENDED = frozenset({"COMPLETED", "FAILED", "TERMINATED", "TIMED_OUT"})
"""The statuses of a run that has ended."""


def http_client(url: str, *, timeout: float = limits.REQUEST) -> httpx.Client:
    """Make a client for `url` that asks no proxy for a server on this machine or network."""
    return httpx.Client(
        timeout=timeout, trust_env=not _is_near(httpx.URL(url).host), verify=_trusted()
    )


@cache
def _trusted() -> ssl.SSLContext:
    """Return the process's one TLS context: a wait asks often, and reading it takes 25 ms."""
    return httpx.create_ssl_context()


class ConductorRest:
    """Talks to one server. Every refusal is a TestbedError that carries the server's words."""

    def __init__(self, api_url: str, *, timeout: float = limits.REQUEST) -> None:
        """Open a connection pool; `api_url` ends in `/api`."""
        self.api_url = api_url
        self._http = http_client(api_url, timeout=timeout)
        self.watchers: list[Callable[[Json], None]] = []
        """Each is handed every run that is looked at."""

    def health(self) -> Json:
        """Return the answer of the health check, which is not below `/api`."""
        answer: Json = self._ask("GET", self.api_url.removesuffix("/api") + "/health").json()
        return answer

    def start_workflow(
        self,
        name: str,
        version: int | None = None,
        input: Mapping[str, Any] | None = None,  # noqa: A002  Conductor's own word for it
        correlation_id: str | None = None,
    ) -> str:
        """Start a run of a registered workflow and return its id."""
        body: Json = {"name": name, "input": dict(input or {})}
        if version is not None:
            body["version"] = version
        if correlation_id is not None:
            body["correlationId"] = correlation_id
        return self._call("POST", "/workflow", json=body).text.strip('"')

    def start_inline_workflow(
        self,
        definition: Mapping[str, Any],
        input: Mapping[str, Any],  # noqa: A002
        task_to_domain: Mapping[str, str] | None = None,
    ) -> str:
        """Start a run of a workflow that is not registered and return its id."""
        body: Json = {
            "name": definition["name"],
            "version": definition["version"],
            "workflowDef": dict(definition),
            "input": dict(input),
        }
        if task_to_domain:
            body["taskToDomain"] = dict(task_to_domain)
        return self._call("POST", "/workflow", json=body).text.strip('"')

    def poll(self, task: str, *, worker: str, domain: str | None = None) -> Json | None:
        """Take one task of a type, as a worker does; None where none waits."""
        params = {"workerid": worker} | ({"domain": domain} if domain else {})
        response = self._call("GET", f"/tasks/poll/{task}", params=params)
        return response.json() if response.content else None

    def update_task(self, workflow_id: str, task_id: str, status: str, reason: str = "") -> None:
        """Answer a task, as a worker does."""
        body = {
            "workflowInstanceId": workflow_id,
            "taskId": task_id,
            "status": status,
            "reasonForIncompletion": reason,
            "outputData": {},
        }
        self._call("POST", "/tasks", json=body)

    def workflow(self, workflow_id: str, include_tasks: bool = True) -> Json:
        """Return a run as the server sees it."""
        params = {"includeTasks": str(include_tasks).lower()}
        answer = self._from_fleet(
            self._call("GET", f"/workflow/{workflow_id}", params=params).json()
        )
        for watcher in self.watchers:
            watcher(answer)
        return answer

    def _from_fleet(self, run: Json) -> Json:
        """Return a run in the terms that callers expect: the server's own."""
        return run

    def terminate(self, workflow_id: str, reason: str = "") -> None:
        """End a run that has not ended by itself."""
        params = {"reason": reason} if reason else {}
        self._call("DELETE", f"/workflow/{workflow_id}", params=params)

    def decide(self, workflow_id: str) -> None:
        """Make the server look at a run's time-outs now, and not at its next sweep."""
        self._call("PUT", f"/workflow/decide/{workflow_id}")

    def poll_data(self) -> list[Json]:
        """Tell who polls which queue, and when last."""
        answer: list[Json] = self._call("GET", "/tasks/queue/polldata/all").json()
        return answer

    def task_definitions(self) -> list[Json]:
        """Return every registered task definition."""
        answer: list[Json] = self._call("GET", "/metadata/taskdefs").json()
        return answer

    def task_definition(self, name: str) -> Json | None:
        """Return a registered task definition, or None if there is none."""
        return self._find(f"/metadata/taskdefs/{name}")

    def create_task_definition(self, definition: Mapping[str, Any]) -> None:
        """Register a task; one that is there already is replaced."""
        self._call("POST", "/metadata/taskdefs", json=[dict(definition)])

    def update_task_definition(self, definition: Mapping[str, Any]) -> None:
        """Replace one registered task definition."""
        self._call("PUT", "/metadata/taskdefs", json=dict(definition))

    def workflow_definition(self, name: str, version: int | None = None) -> Json | None:
        """Return a registered workflow definition, or None if there is none."""
        params = {} if version is None else {"version": version}
        return self._find(f"/metadata/workflow/{name}", params=params)

    def put_workflow_definition(self, definition: Mapping[str, Any]) -> None:
        """Register a workflow; the same name and version are replaced."""
        self._call("PUT", "/metadata/workflow", json=[dict(definition)])

    def delete_task_definition(self, name: str) -> None:
        """Delete a task definition; one that is not there is no error."""
        if self.task_definition(name) is not None:
            self._call("DELETE", f"/metadata/taskdefs/{name}")

    def delete_workflow_definition(self, name: str, version: int) -> None:
        """Delete one version of a workflow definition; one that is not there is no error."""
        if self.workflow_definition(name, version) is not None:
            self._call("DELETE", f"/metadata/workflow/{name}/{version}")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._ask(method, self.api_url + path, **options)

    def _find(self, path: str, **options: Any) -> Json | None:
        response = self._send("GET", self.api_url + path, **options)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        answer: Json = self._accepted(response).json()
        return answer

    def _ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        return self._accepted(self._send(method, url, **options))

    def _send(self, method: str, url: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, url, **options)
        except httpx.TimeoutException as error:
            raise TestbedError(
                f"Conductor gave no answer to {method} {url} in time",
                evidence=str(error),
                hint="see whether the server is still alive and what its log says",
            ) from error
        except httpx.HTTPError as error:
            raise TestbedError(
                f"Conductor could not be reached: {method} {url}",
                evidence=str(error),
                hint="see whether the server is still alive and what its log says",
            ) from error

    @staticmethod
    def _accepted(response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        request = response.request
        raise ConductorRefusalError(
            f"Conductor refused {request.method} {request.url} with {response.status_code}",
            status=response.status_code,
            evidence=server_message(response),
        )


class ConductorRefusalError(TestbedError):
    """The server answered, and the answer was no."""

    def __init__(self, what: str, *, status: int, evidence: str = "", hint: str = "") -> None:
        super().__init__(what, evidence=evidence, hint=hint)
        self.status = status


def server_message(response: httpx.Response) -> str:
    """Pick the human sentences out of an error answer; the whole body if there are none."""
    try:
        answer = response.json()
    except ValueError:
        return response.text.strip()
    if not isinstance(answer, dict):
        return response.text.strip()
    faults = [fault for fault in answer.get("validationErrors") or [] if isinstance(fault, dict)]
    lines = [
        str(answer.get("message") or answer.get("error") or "").strip(),
        *(f"{fault.get('path', '?')}: {fault.get('message', '')}" for fault in faults),
    ]
    return "\n".join(line for line in lines if line) or response.text.strip()


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host  # localhost, or a container's name
