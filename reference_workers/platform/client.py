"""Conductor client for the product's own code (seed INFRA-002).

Wraps the SDK's workflow client with time limits and two kinds of errors. There is no global
instance: open a client where it is needed and close it there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import stamina
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.rest import ApiException, RESTClientObject
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient

from reference_workers import tls
from reference_workers.platform.redaction import Redactor
from reference_workers.settings import Settings

T = TypeVar("T")

Json = dict[str, Any]

TIMEOUT_SECONDS = 10.0
ATTEMPTS = 3

_MESSAGE_MAX_CHARACTERS = 500
"""Limit of the server's message in an error: a proxy may answer with a whole page."""

_WORKFLOW_ID = re.compile(r"[\w.:-]{1,200}")


class ConductorError(Exception):
    """Base of all errors of this client."""


class ConductorUnreachableError(ConductorError):
    """The server gave no answer: connection refused, lost or timed out."""


class ConductorRefusedError(ConductorError):
    """The server refused the request, or is not a Conductor server."""

    def __init__(self, status: int, message: str) -> None:
        """Store the HTTP status and the server's message."""
        super().__init__(f"Conductor refused with {status}: {message[:_MESSAGE_MAX_CHARACTERS]}")
        self.status = status
        self.message = message


class _TimedConnection(RESTClientObject):  # type: ignore[misc]  # the SDK is untyped
    """The SDK's connection with our time limit instead of two minutes.

    The SDK replaces its HTTP client after a connection error; the new one has the limit as well.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        super().__init__()

    def _create_default_httpx_client(self) -> httpx.Client:
        return httpx.Client(timeout=self._timeout, verify=tls.context())


class ConductorClient:
    """Client of one Conductor server."""

    def __init__(
        self, server_api_url: str, *, timeout: float = TIMEOUT_SECONDS, attempts: int = ATTEMPTS
    ) -> None:
        """Create the client without connecting.

        Args:
            server_api_url: Ends in `/api`.
            timeout: Seconds for one request.
            attempts: Maximum number of attempts for an idempotent request without an answer.
        """
        self._server = Redactor()(server_api_url)  # for error messages: the URL may contain a login
        self._attempts = attempts
        self._workflows = OrkesWorkflowClient(Configuration(server_api_url=server_api_url))
        self._workflows.api_client.rest_client.close()
        self._connection = _TimedConnection(timeout)
        self._workflows.api_client.rest_client = self._connection

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Create a client for the configured server."""
        return cls(settings.conductor_server_url)

    def start_workflow(
        self,
        name: str,
        version: int,
        input_data: Mapping[str, Any],
        *,
        correlation_id: str | None = None,
    ) -> str:
        """Start a workflow and return its id.

        Args:
            name: Name of the workflow.
            version: Version of its definition.
            input_data: The workflow's input.
            correlation_id: The transcript's id, for `search`.

        Raises:
            ConductorUnreachableError: No answer. Not retried: the server may have started the
                workflow.
            ConductorRefusedError: For example, the workflow is not registered, or the server is
                not a Conductor server.
        """
        answer = self._call(
            lambda: self._workflows.start_workflow_by_name(
                name, dict(input_data), version=version, correlationId=correlation_id
            )
        )
        if not isinstance(answer, str) or not _WORKFLOW_ID.fullmatch(answer):
            raise self._unexpected_response("not a workflow id")
        return answer

    def workflow(self, workflow_id: str, *, tasks: bool = True) -> Json:
        """Return a workflow, with or without its tasks.

        Raises:
            ConductorUnreachableError: No answer after all attempts.
            ConductorRefusedError: For example, the workflow does not exist.
        """
        # The SDK's own method omits `False`, and the server's default is true.
        workflow = self._request(
            "GET", "/workflow/{id}", {"id": workflow_id}, {"includeTasks": str(tasks).lower()}
        )
        if not isinstance(workflow, dict) or "status" not in workflow:
            raise self._unexpected_response("not a workflow")
        return workflow

    def status(self, workflow_id: str) -> str:
        """Return a workflow's status, such as RUNNING or COMPLETED.

        Raises:
            ConductorUnreachableError: As `workflow`.
            ConductorRefusedError: As `workflow`.
        """
        return str(self.workflow(workflow_id, tasks=False)["status"])

    def terminate(self, workflow_id: str, reason: str) -> None:
        """Terminate a running workflow; no effect on one that has ended.

        Raises:
            ConductorUnreachableError: No answer after all attempts.
            ConductorRefusedError: For example, the workflow does not exist.
        """
        self._request("DELETE", "/workflow/{id}", {"id": workflow_id}, {"reason": reason})

    def retry(self, workflow_id: str) -> None:
        """Continue a failed workflow from the task that failed.

        Raises:
            ConductorUnreachableError: No answer. Not retried: a second request would be refused.
            ConductorRefusedError: For example, the workflow has not failed.
        """
        self._call(lambda: self._workflows.retry_workflow(workflow_id))

    def restart(self, workflow_id: str) -> None:
        """Run an ended workflow again from its first task, with the same id.

        Raises:
            ConductorUnreachableError: No answer. Not retried: the workflow may be running.
            ConductorRefusedError: For example, the workflow still runs.
        """
        self._call(lambda: self._workflows.restart_workflow(workflow_id))

    def running(self, name: str, version: int) -> list[str]:
        """Return the ids of all running workflows of a definition.

        Raises:
            ConductorUnreachableError: No answer after all attempts.
            ConductorRefusedError: The server refused, or is not a Conductor server.
        """
        ids = self._request(
            "GET", "/workflow/running/{name}", {"name": name}, {"version": str(version)}
        )
        if not isinstance(ids, list):
            raise self._unexpected_response("not a list of running workflows")
        return [str(workflow_id) for workflow_id in ids]

    def search(self, name: str, transcript_id: str, *, known: Iterable[str] = ()) -> list[Json]:
        """Return all workflows of a transcript, the newest first.

        A server in memory mode has no search index and answers with an empty result; `known`
        adds the workflows that the fleet's database knows (`State.workflows_of`).

        Args:
            name: Name of the workflow.
            transcript_id: The correlation id that the workflows were started with.
            known: Ids of further workflows; those unknown to the server are left out.

        Raises:
            ConductorUnreachableError: No answer after all attempts.
            ConductorRefusedError: The server refused the search.
        """
        result = self._request(
            "POST",
            "/workflow/{name}/correlated",
            {"name": name},
            {"includeClosed": "true"},
            [transcript_id],  # in the body: a path cannot contain every character of an id
        )
        if not isinstance(result, dict):
            raise self._unexpected_response("not workflows by correlation id")
        workflows = {
            workflow["workflowId"]: workflow for workflow in result.get(transcript_id) or ()
        }
        for workflow_id in known:
            if workflow_id not in workflows and (workflow := self._find(workflow_id)):
                workflows[workflow_id] = workflow
        return sorted(workflows.values(), key=_created, reverse=True)

    def _find(self, workflow_id: str) -> Json | None:
        try:
            return self.workflow(workflow_id, tasks=False)
        except ConductorRefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def register(self, tasks: Sequence[Json], workflow: Json) -> None:
        """Create or replace task definitions and a workflow definition; idempotent.

        Raises:
            ConductorUnreachableError: No answer after all attempts.
            ConductorRefusedError: For example, a definition is invalid.
        """
        definitions = self._request("GET", "/metadata/taskdefs", {}, {})
        if not isinstance(definitions, list):
            raise self._unexpected_response("not a list of task definitions")
        known = {definition["name"] for definition in definitions}
        new = [task for task in tasks if task["name"] not in known]
        if new:
            self._request("POST", "/metadata/taskdefs", {}, {}, new)
        for task in tasks:
            if task["name"] in known:
                self._request("PUT", "/metadata/taskdefs", {}, {}, task)
        self._request("PUT", "/metadata/workflow", {}, {}, [workflow])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _request(
        self,
        method: str,
        path: str,
        names: Mapping[str, str],
        query: Mapping[str, str],
        body: object = None,
    ) -> Any:
        """Send a request and return the JSON response; retry without an answer.

        Uses the SDK's connection but not its models, which drop fields they do not know.
        """

        def send() -> Any:
            return self._workflows.api_client.call_api(
                path,
                method,
                dict(names),
                list(query.items()),
                {"Accept": "*/*", "Content-Type": "application/json"},
                body=body,
                response_type="object",
                _return_http_data_only=True,
            )

        for attempt in stamina.retry_context(on=ConductorUnreachableError, attempts=self._attempts):
            with attempt:
                result = self._call(send)
        return result

    def _call(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except ApiException as error:
            if error.status:
                raise ConductorRefusedError(error.status, str(error.message)) from error
            raise ConductorUnreachableError(
                f"no Conductor answers at {self._server}: {' '.join(str(error.reason).split())}"
            ) from error
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # The SDK raises these for a response that is not Conductor's JSON.
            raise self._unexpected_response(repr(error)) from error

    def _unexpected_response(self, problem: str) -> ConductorRefusedError:
        return ConductorRefusedError(
            HTTPStatus.OK, f"the server at {self._server} is not a Conductor server: {problem}"
        )


def _created(workflow: Json) -> int:
    return int(workflow.get("createTime") or workflow.get("startTime") or 0)
