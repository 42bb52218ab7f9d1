"""Start and follow workflows from the product's own code (seed INFRA-002).

A thin face on the SDK's workflow client, with time limits and two kinds of failure. Open one
where it is needed and close it there: there is no global instance to leak between tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
"""Characters of a refusal in its message: a proxy may answer a whole page."""


class ConductorError(Exception):
    """Base of what can go wrong between us and the server."""


class ConductorUnreachableError(ConductorError):
    """The server gave no answer: refused, cut or too slow."""


class ConductorRefusedError(ConductorError):
    """The server answered, and the answer is no."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP status and the server's own words."""
        super().__init__(f"Conductor refused with {status}: {message[:_MESSAGE_MAX_CHARACTERS]}")
        self.status = status
        self.message = message


class _TimedConnection(RESTClientObject):  # type: ignore[misc]  # the SDK is untyped
    """The SDK's connection, which waits two minutes for an answer, with our time limit.

    The SDK makes a new HTTP client whenever the old one breaks: that one is limited as well.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        super().__init__()

    def _create_default_httpx_client(self) -> httpx.Client:
        return httpx.Client(timeout=self._timeout, verify=tls.context())


class ConductorClient:
    """A connection to one Conductor server."""

    def __init__(
        self, server_api_url: str, *, timeout: float = TIMEOUT_SECONDS, attempts: int = ATTEMPTS
    ) -> None:
        """Prepare the connection; nothing is sent yet.

        Args:
            server_api_url: Ends in `/api`.
            timeout: Seconds for one request.
            attempts: How often, in all, a question without an answer is asked.
        """
        self._server = Redactor()(server_api_url)  # for errors: it may hold a login
        self._attempts = attempts
        self._workflows = OrkesWorkflowClient(Configuration(server_api_url=server_api_url))
        self._workflows.api_client.rest_client.close()
        self._connection = _TimedConnection(timeout)
        self._workflows.api_client.rest_client = self._connection

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Open a client for the server that the environment names."""
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
            name: Of the workflow.
            version: Of its definition.
            input_data: What the workflow is given.
            correlation_id: What `search` finds it by: the transcript's id.

        Raises:
            ConductorUnreachableError: No answer. It is not sent again by itself: the server
                may have started the workflow all the same.
            ConductorRefusedError: For example, no such workflow is registered.
        """
        answer = self._call(
            lambda: self._workflows.start_workflow_by_name(
                name, dict(input_data), version=version, correlationId=correlation_id
            )
        )
        return str(answer)

    def workflow(self, workflow_id: str, *, tasks: bool = True) -> Json:
        """Return a workflow as the server has it, with its tasks or without.

        Raises:
            ConductorUnreachableError: No answer, though asked several times.
            ConductorRefusedError: For example, there is no such workflow.
        """
        # The SDK's own method leaves `False` out, and the server's default is true.
        workflows = self._request(
            "GET", "/workflow/{id}", {"id": workflow_id}, {"includeTasks": str(tasks).lower()}
        )
        if not isinstance(workflows, dict) or "status" not in workflows:
            raise self._unexpected_response("no workflow")
        return workflows

    def status(self, workflow_id: str) -> str:
        """Return how a workflow stands, in Conductor's words, like RUNNING or COMPLETED.

        Raises:
            ConductorUnreachableError: As `workflow`.
            ConductorRefusedError: As `workflow`.
        """
        return str(self.workflow(workflow_id, tasks=False)["status"])

    def terminate(self, workflow_id: str, reason: str) -> None:
        """End a workflow that runs; for one that has ended nothing changes.

        Raises:
            ConductorUnreachableError: No answer, though told several times.
            ConductorRefusedError: For example, there is no such workflow.
        """
        self._request("DELETE", "/workflow/{id}", {"id": workflow_id}, {"reason": reason})

    def retry(self, workflow_id: str) -> None:
        """Go on with a failed workflow from the task that failed; what is done stays done.

        It is not sent again by itself: the answer to a second one would be a refusal.

        Raises:
            ConductorUnreachableError: No answer; the workflow may go on all the same.
            ConductorRefusedError: For example, the workflow has not failed.
        """
        self._call(lambda: self._workflows.retry_workflow(workflow_id))

    def restart(self, workflow_id: str) -> None:
        """Run a workflow that has ended again from its first task, under the same id.

        Raises:
            ConductorUnreachableError: No answer; the workflow may run all the same.
            ConductorRefusedError: For example, the workflow still runs.
        """
        self._call(lambda: self._workflows.restart_workflow(workflow_id))

    def search(self, name: str, transcript_id: str, *, known: Iterable[str] = ()) -> list[Json]:
        """Return the workflows that work or worked on a transcript, the newest first.

        A server that keeps its runs in memory answers 200 and finds none: `known` is what the
        fleet's own database knows (`State.workflows_of`).

        Args:
            name: Of the workflow.
            transcript_id: The correlation id that the workflows were started with.
            known: Ids of workflows to show as well; what the server has forgotten is left out.

        Raises:
            ConductorUnreachableError: No answer, though asked several times.
            ConductorRefusedError: The server does not let us search.
        """
        answer = self._request(
            "POST",
            "/workflow/{name}/correlated",
            {"name": name},
            {"includeClosed": "true"},
            [transcript_id],  # in the body: no server takes every character in a path
        )
        if not isinstance(answer, dict):
            raise self._unexpected_response("no workflows by correlation id")
        workflows = {
            workflow["workflowId"]: workflow for workflow in answer.get(transcript_id) or ()
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
        """Return the answer as the server gives it; a call without an answer is made again.

        Through the SDK's connection, but past its models: those lose the fields they do not know.
        """

        def ask() -> Any:
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
                answer = self._call(ask)
        return answer

    def _call(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except ApiException as error:
            if error.status:
                raise ConductorRefusedError(error.status, str(error.message)) from error
            raise ConductorUnreachableError(
                f"no Conductor answers at {self._server}: {error.reason}"
            ) from error
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # What the SDK makes of a page where JSON should be.
            raise self._unexpected_response(repr(error)) from error

    def _unexpected_response(self, seen: str) -> ConductorRefusedError:
        return ConductorRefusedError(
            HTTPStatus.OK, f"what answers at {self._server} is no Conductor: {seen}"
        )


def _created(workflow: Json) -> int:
    return int(workflow.get("createTime") or workflow.get("startTime") or 0)
