"""A typed client for the parts of Conductor's REST API that the laboratory uses."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Self

import httpx

from trackproof.errors import TestbedError
from trackproof.proxies import proxy_variables
from trackproof.testbed.conductor import limits
from trackproof.testbed.conductor.terms import SERVER_TERMS, Json, Terms
from trackproof.testbed.stoppable import Stoppable

ENDED = frozenset({"COMPLETED", "FAILED", "TERMINATED", "TIMED_OUT"})
"""Statuses of a run that has ended."""


EVERY_TASK = "*"
"""Key in a run's `taskToDomain` that stands for every task type, those of dynamic forks too."""


def http_client(url: str, *, timeout: float = limits.REQUEST) -> httpx.Client:
    """Return a client for `url` that bypasses proxies for this machine and private networks.

    Raises:
        TestbedError: `url` is elsewhere, and httpx cannot use the proxies of the environment.
    """
    trust_env = not is_near_host(httpx.URL(url).host)
    try:
        return httpx.Client(timeout=timeout, trust_env=trust_env, verify=_tls_context())
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise TestbedError(
            f"{url} cannot be reached: the proxy variables of the environment are invalid",
            evidence="\n".join((*proxy_variables(os.environ), f"{type(error).__name__}: {error}")),
            hint="correct them, or unset them for this command",
        ) from error


@cache
def _tls_context() -> ssl.SSLContext:
    """Return the one TLS context of this process: loading the CAs takes 25 ms."""
    return httpx.create_ssl_context()


class ConductorRest(Stoppable):
    """Client of one server. A refused request raises ConductorRefusalError with its message."""

    def __init__(
        self,
        api_url: str,
        *,
        timeout: float = limits.REQUEST,
        terms: Terms = SERVER_TERMS,
        domain: str = "",
        client: httpx.Client | None = None,
    ) -> None:
        """Open a connection pool.

        Args:
            api_url: Ends in `/api`.
            timeout: Seconds for each read.
            terms: Names and documents the caller uses, by default the server's own.
            domain: Task domain of every run that is started; none by default.
            client: An existing pool to share; its creator closes it.
        """
        self.api_url = api_url
        self.terms = terms
        self._domain = domain
        self._http = client or http_client(api_url, timeout=timeout)
        self.watchers: list[Callable[[Json], None]] = []
        """Each receives every run that `workflow` reads."""

    def translated(self, terms: Terms, *, domain: str = "") -> Self:
        """Return a client in other terms that shares the connections of this one."""
        return type(self)(self.api_url, terms=terms, domain=domain, client=self._http)

    def start_workflow(
        self,
        name: str,
        version: int | None = None,
        input: Mapping[str, Any] | None = None,  # noqa: A002 - Conductor's name of the field
        definition: Mapping[str, Any] | None = None,
    ) -> str:
        """Start a run of a registered workflow and return its id.

        A `definition`, in the server's terms, replaces the registered one in this run.
        """
        name, version = self.terms.workflow_name_to_fleet(name, version)
        body: Json = {"name": name, "input": self.terms.workflow_input(input or {})}
        if version is not None:
            body["version"] = version
        if definition is not None:
            body["workflowDef"] = dict(definition)
        if self._domain:
            body["taskToDomain"] = {EVERY_TASK: self._domain}
        return self._call("POST", "/workflow", json=body).text.strip('"')

    def start_inline_workflow(
        self,
        definition: Mapping[str, Any],
        input: Mapping[str, Any],  # noqa: A002
        task_to_domain: Mapping[str, str] | None = None,
    ) -> str:
        """Start a run of an unregistered workflow of one task and return its id.

        Domains by task type replace the client's own domain.
        """
        definition, input = self.terms.inline_workflow_to_fleet(definition, input)  # noqa: A001
        body: Json = {
            "name": definition["name"],
            "version": definition["version"],
            "workflowDef": dict(definition),
            "input": dict(input),
        }
        if task_to_domain:
            body["taskToDomain"] = {
                self.terms.task_to_fleet(task): domain for task, domain in task_to_domain.items()
            }
        elif self._domain:
            body["taskToDomain"] = {EVERY_TASK: self._domain}
        return self._call("POST", "/workflow", json=body).text.strip('"')

    def poll(self, task: str, *, worker: str, domain: str | None = None) -> Json | None:
        """Poll one task of a type, as a worker does; None if the queue is empty."""
        params = {"workerid": worker} | ({"domain": domain} if domain else {})
        path = f"/tasks/poll/{self.terms.task_to_fleet(task)}"
        response = self._call("GET", path, params=params)
        return response.json() if response.content else None

    def update_task(self, workflow_id: str, task_id: str, status: str, reason: str = "") -> None:
        """Update a task's status, as a worker does."""
        body = {
            "workflowInstanceId": workflow_id,
            "taskId": task_id,
            "status": status,
            "reasonForIncompletion": reason,
            "outputData": {},
        }
        self._call("POST", "/tasks", json=body)

    def workflow(self, workflow_id: str, include_tasks: bool = True) -> Json:
        """Return a run and hand it to the watchers."""
        params = {"includeTasks": str(include_tasks).lower()}
        response = self._call("GET", f"/workflow/{workflow_id}", params=params)
        run = self.terms.run_from_fleet(response.json())
        for watcher in self.watchers:
            watcher(run)
        return run

    def terminate(self, workflow_id: str, reason: str = "") -> None:
        """Terminate a run."""
        params = {"reason": reason} if reason else {}
        self._call("DELETE", f"/workflow/{workflow_id}", params=params)

    def retry(self, workflow_id: str) -> None:
        """Run a failed run on from its last failed tasks."""
        self._call("POST", f"/workflow/{workflow_id}/retry")

    def restart(self, workflow_id: str) -> None:
        """Run an ended run again from its start."""
        self._call("POST", f"/workflow/{workflow_id}/restart")

    def rerun(self, workflow_id: str, task_id: str) -> None:
        """Run an ended run again from one of its tasks on."""
        self._call("POST", f"/workflow/{workflow_id}/rerun", json={"reRunFromTaskId": task_id})

    def decide(self, workflow_id: str) -> None:
        """Make the server evaluate a run's time-outs now instead of at its next sweep."""
        self._call("PUT", f"/workflow/decide/{workflow_id}")

    def poll_data(self, tasks: Iterable[str] = ()) -> list[Json]:
        """Return the last poll of each queue; `split_queue` returns an entry's domain and task.

        Args:
            tasks: Task types whose polls in domains are listed too: 3.15.0 lists polls without a
                domain only, unless it is asked for a single type.
        """
        answers = self._call("GET", "/tasks/queue/polldata/all").json()
        for task in tasks:
            params = {"taskType": self.terms.task_to_fleet(task)}
            answers += self._call("GET", "/tasks/queue/polldata", params=params).json()
        entries = []
        for entry in answers:
            domain, colon, name = entry["queueName"].rpartition(":")
            queue = f"{domain}{colon}{self.terms.task_from_fleet(name)}"
            entries.append({**entry, "queueName": queue})
        return entries

    def task_definitions(self) -> list[Json]:
        """Return every registered task definition."""
        definitions = self._call("GET", "/metadata/taskdefs").json()
        return [self.terms.task_definition_from_fleet(definition) for definition in definitions]

    def task_definition(self, name: str) -> Json | None:
        """Return a registered task definition, or None."""
        definition = self._find(f"/metadata/taskdefs/{self.terms.task_to_fleet(name)}")
        return definition and self.terms.task_definition_from_fleet(definition)

    def create_task_definition(self, definition: Mapping[str, Any]) -> None:
        """Register a task definition, in the server's terms; an existing one is replaced."""
        self._call("POST", "/metadata/taskdefs", json=[dict(definition)])

    def update_task_definition(self, definition: Mapping[str, Any]) -> None:
        """Replace a registered task definition, in the server's terms."""
        self._call("PUT", "/metadata/taskdefs", json=dict(definition))

    def workflow_definition(self, name: str, version: int | None = None) -> Json | None:
        """Return a registered workflow definition, or None."""
        name, version = self.terms.workflow_name_to_fleet(name, version)
        params = {} if version is None else {"version": version}
        definition = self._find(f"/metadata/workflow/{name}", params=params)
        return definition and self.terms.workflow_from_fleet(definition)

    def put_workflow_definition(self, definition: Mapping[str, Any]) -> None:
        """Register a workflow, in the server's terms; the same name and version are replaced."""
        self._call("PUT", "/metadata/workflow", json=[dict(definition)])

    def delete_task_definition(self, name: str) -> None:
        """Delete a task definition if it exists."""
        if self.task_definition(name) is not None:
            self._call("DELETE", f"/metadata/taskdefs/{name}")

    def delete_workflow_definition(self, name: str, version: int) -> None:
        """Delete one version of a workflow definition if it exists."""
        if self.workflow_definition(name, version) is not None:
            self._call("DELETE", f"/metadata/workflow/{name}/{version}")

    def stop(self) -> None:
        """Close the connections."""
        self._http.close()

    def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._check(self._send(method, path, **options))

    def _find(self, path: str, **options: Any) -> Json | None:
        response = self._send("GET", path, **options)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        answer: Json = self._check(response).json()
        return answer

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        url = self.api_url + path
        try:
            return self._http.request(method, url, **options)
        except httpx.TimeoutException as error:
            raise TestbedError(
                f"Conductor did not answer {method} {url} in time",
                evidence=str(error),
                hint="check that the server is alive, and read its log",
            ) from error
        except httpx.HTTPError as error:
            raise TestbedError(
                f"Conductor could not be reached: {method} {url}",
                evidence=str(error),
                hint="check that the server is alive, and read its log",
            ) from error

    @staticmethod
    def _check(response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        request = response.request
        raise ConductorRefusalError(
            f"Conductor refused {request.method} {request.url} with {response.status_code}",
            status=response.status_code,
            evidence=server_message(response),
        )


class ConductorRefusalError(TestbedError):
    """The server answered with an error status."""

    def __init__(self, what: str, *, status: int, evidence: str = "", hint: str = "") -> None:
        super().__init__(what, evidence=evidence, hint=hint)
        self.status = status


def server_message(response: httpx.Response) -> str:
    """Return the message and validation errors of an error response, or its whole body."""
    try:
        answer = response.json()
    except ValueError:
        return response.text.strip()
    if not isinstance(answer, dict):
        return response.text.strip()
    errors = [error for error in answer.get("validationErrors") or [] if isinstance(error, dict)]
    lines = [
        str(answer.get("message") or answer.get("error") or "").strip(),
        *(f"{error.get('path', '?')}: {error.get('message', '')}" for error in errors),
    ]
    return "\n".join(line for line in lines if line) or response.text.strip()


def split_queue(entry: Json) -> tuple[str, str]:
    """Return domain and task type of an entry of the poll data; the domain may be empty."""
    domain, _, task = entry["queueName"].rpartition(":")
    return str(entry.get("domain") or domain), task


def is_near_host(host: str) -> bool:
    """Return whether a host is this machine, a container or on a private network."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(".localhost")  # localhost, or a container's name
