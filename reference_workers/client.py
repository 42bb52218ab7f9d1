"""Start and follow workflows from the product's own code (seed INFRA-002).

A thin face on the SDK's workflow client, with time limits and two kinds of failure. Open one
where it is needed and close it there: there is no global instance to leak between tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx
import stamina
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.rest import ApiException, RESTClientObject
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient

from reference_workers.settings import Settings

T = TypeVar("T")

TIMEOUT_SECONDS = 10.0
ATTEMPTS = 3


class ConductorError(Exception):
    """Base of what can go wrong between us and the server."""


class ConductorUnreachableError(ConductorError):
    """The server gave no answer: refused, cut or too slow."""


class ConductorRefusedError(ConductorError):
    """The server answered, and the answer is no."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP status and the server's own words."""
        super().__init__(f"Conductor refused with {status}: {message}")
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
        return httpx.Client(timeout=self._timeout)


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
        self._server = server_api_url
        self._attempts = attempts
        self._workflows = OrkesWorkflowClient(Configuration(server_api_url=server_api_url))
        self._workflows.api_client.rest_client.close()
        self._connection = _TimedConnection(timeout)
        self._workflows.api_client.rest_client = self._connection

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Open a client for the server that the environment names."""
        return cls(settings.conductor_server_url)

    def start_workflow(self, name: str, version: int, input_data: Mapping[str, Any]) -> str:
        """Start a workflow and return its id.

        Raises:
            ConductorUnreachableError: No answer. It is not sent again by itself: the server
                may have started the workflow all the same.
            ConductorRefusedError: For example, no such workflow is registered.
        """
        answer = self._once(
            lambda: self._workflows.start_workflow_by_name(name, dict(input_data), version=version)
        )
        return str(answer)

    def workflow(self, workflow_id: str) -> dict[str, Any]:
        """Return a workflow as the server has it, with its tasks.

        Raises:
            ConductorUnreachableError: No answer, though asked several times.
            ConductorRefusedError: For example, there is no such workflow.
        """
        ask_again = stamina.retry_context(on=ConductorUnreachableError, attempts=self._attempts)
        for attempt in ask_again:
            with attempt:
                found = self._once(lambda: self._workflows.get_workflow(workflow_id))
        plain = self._workflows.api_client.sanitize_for_serialization(found)
        return cast("dict[str, Any]", plain)

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

    def _once(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except ApiException as error:
            if error.status:
                raise ConductorRefusedError(error.status, str(error.message)) from error
            raise ConductorUnreachableError(
                f"no Conductor answers at {self._server}: {error.reason}"
            ) from error
