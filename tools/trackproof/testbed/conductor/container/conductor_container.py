#
#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.
"""A Conductor container for testcontainers-python.

Depends on testcontainers' core and the standard library only, so that it can be contributed as a
community module unchanged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from testcontainers.core.container import DockerContainer
from testcontainers.core.exceptions import ContainerStartException
from testcontainers.core.wait_strategies import CompositeWaitStrategy, HttpWaitStrategy
from testcontainers.core.waiting_utils import WaitStrategyTarget

DEFAULT_IMAGE = "conductoross/conductor-standalone:3.15.0"
REQUEST_SECONDS = 10
POLL_SECONDS = 0.1
START_FAILED = (b"APPLICATION FAILED TO START", b"Application run failed")
LOG_LINES = 100

HINTS = (
    (
        r"(?i)no such image|pull access denied|manifest unknown|registry",
        "pull or build the image; check its name and tag",
    ),
    (r"was refused with", "correct the definition as the server says"),
    (r"OutOfMemoryError", "give the container more memory: a server needs about 500 MB"),
    (r"UnsupportedClassVersionError", "use an image with a newer Java"),
    (
        r"(?i)conductor-standalone.*deprecated",
        "this tag only prints a notice: use tag 3.15.0, or the image conductoross/conductor",
    ),
    (
        r"Connection refused|UnknownHostException",
        "the server cannot reach its database or queue: set conductor.db.type and "
        "conductor.queue.type to memory, or start them",
    ),
)
DEFAULT_HINT = "read the log lines above; on a slow machine, increase startup_timeout"


class ConductorContainer(DockerContainer):
    """Conductor workflow engine.

    The container has started when the server reports that it is healthy and its metadata API
    answers. Then the definitions of :code:`with_task_definitions` and
    :code:`with_workflow_definitions` are registered.

    Example:

        .. doctest::

            >>> from urllib.request import urlopen
            >>> from trackproof.testbed.conductor.container import ConductorContainer

            >>> with ConductorContainer("conductoross/conductor-standalone:3.15.0") as conductor:
            ...     with urlopen(f"{conductor.get_api_url()}/metadata/taskdefs") as answer:
            ...         answer.status
            200
    """

    def __init__(
        self,
        image: str = DEFAULT_IMAGE,
        port: int = 8080,
        startup_timeout: int = 120,
        **kwargs: Any,
    ) -> None:
        """Configure the container; nothing is started yet.

        Args:
            image: Docker image to use. :code:`conductor-standalone` ends with 3.15.0; later
                versions are published as :code:`conductoross/conductor`.
            port: Port the server listens on inside the container.
            startup_timeout: Time limit for the start, in seconds.
            kwargs: Passed on to :code:`DockerContainer`.
        """
        super().__init__(image, **kwargs)
        self.port = port
        self._properties: dict[str, str] = {}
        self._task_definitions: list[dict[str, Any]] = []
        self._workflow_definitions: list[dict[str, Any]] = []
        self.with_exposed_ports(port)
        self.waiting_for(
            CompositeWaitStrategy(
                _AnswersWhileRunning(port, "/health").for_response_predicate(_is_healthy),
                _AnswersWhileRunning(port, "/api/metadata/taskdefs").for_response_predicate(
                    _is_json_list
                ),
            )
            .with_startup_timeout(startup_timeout)
            .with_poll_interval(POLL_SECONDS)
        )

    def with_environment(self, variables: Mapping[str, str]) -> Self:
        """Set environment variables of the container."""
        self.env.update(variables)
        return self

    def with_property(self, name: str, value: str) -> Self:
        """Set a property of the server, such as :code:`conductor.queue.type`.

        It takes precedence over the configuration file in the image.
        """
        self._properties[name] = value
        return self

    def with_task_definitions(self, path: str | PathLike[str]) -> Self:
        """Register the task definitions of a JSON file, a list or a single one, when ready."""
        self._task_definitions += _read_definitions(path)
        return self

    def with_workflow_definitions(self, path: str | PathLike[str]) -> Self:
        """Register the workflow definitions of a JSON file, a list or a single one, when ready."""
        self._workflow_definitions += _read_definitions(path)
        return self

    def get_api_url(self) -> str:
        """Return the API's URL for clients on this host."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(self.port)}/api"

    def get_internal_api_url(self) -> str:
        """Return the API's URL for clients in other containers.

        Its host is the network alias if there is one, else the container's address.
        """
        if self._network and self._network_aliases:
            host = self._network_aliases[0]
        else:
            host = self.get_docker_client().bridge_ip(self.get_container_id())
        return f"http://{host}:{self.port}/api"

    def get_container_logs(self, lines: int = 50) -> str:
        """Return the last lines of the container's log, of both streams."""
        if self._container is None:
            return ""
        text: str = self._container.logs(tail=lines).decode(errors="replace")
        return text.strip()

    def start(self) -> Self:
        """Start the container, wait until the server is ready and register the definitions.

        Raises:
            ContainerStartException: With the last log lines and a hint; the container is removed.
        """
        try:
            super().start()
            self._register_definitions()
        except BaseException as error:
            logs = self._logs_after_failure()
            self.stop()
            if not isinstance(error, Exception):
                raise
            raise ContainerStartException(_failure(self.image, error, logs)) from error
        return self

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:
        """Remove the container; a second call does nothing."""
        super().stop(force=force, delete_volume=delete_volume)
        self._container = None

    def _configure(self) -> None:
        if self._properties:
            # These take precedence over the system properties that the image makes from its file.
            self.with_env("SPRING_APPLICATION_JSON", json.dumps(self._properties))

    def _register_definitions(self) -> None:
        if self._task_definitions:
            self._send("POST", "/metadata/taskdefs", self._task_definitions)
        if self._workflow_definitions:
            self._send("PUT", "/metadata/workflow", self._workflow_definitions)

    def _send(self, method: str, path: str, body: list[dict[str, Any]]) -> None:
        request = Request(  # noqa: S310  the scheme is http
            self.get_api_url() + path,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urlopen(request, timeout=REQUEST_SECONDS):  # noqa: S310
                pass
        except HTTPError as refusal:
            with refusal:
                answer = refusal.read().decode(errors="replace")
            raise ContainerStartException(
                f"{method} {path} was refused with {refusal.code}: {answer}"
            ) from refusal

    def _logs_after_failure(self) -> str:
        try:
            return self.get_container_logs()
        except Exception as error:  # the first failure is the one to report
            return f"(the log could not be read: {error})"


class _AnswersWhileRunning(HttpWaitStrategy):
    """Waits for an HTTP answer and fails as soon as the server has failed.

    The server has failed when the container has exited or Spring has logged a failed start, after
    which threads of the server may keep the process alive.
    """

    def wait_until_ready(self, container: WaitStrategyTarget) -> None:
        self._target = container
        super().wait_until_ready(container)

    def _try_http_request(self, url: str, headers: dict[str, str], ssl_context: Any) -> bool:
        self._target.reload()
        if self._target.status in {"exited", "dead", "removing"}:
            raise ContainerStartException("the container ended before the server was ready")
        log = self._target.get_wrapped_container().logs(tail=LOG_LINES)
        if any(words in log for words in START_FAILED):
            raise ContainerStartException("the server failed to start")
        return super()._try_http_request(url, headers, ssl_context)


def _is_healthy(body: str) -> bool:
    answer = _parse_json(body)
    return isinstance(answer, dict) and answer.get("healthy") is True


def _is_json_list(body: str) -> bool:
    return isinstance(_parse_json(body), list)


def _parse_json(body: str) -> object:
    try:
        answer: object = json.loads(body)
    except ValueError:
        return None
    return answer


def _read_definitions(path: str | PathLike[str]) -> list[dict[str, Any]]:
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    return content if isinstance(content, list) else [content]


def _failure(image: str, error: Exception, logs: str) -> str:
    text = f"{error}\n{logs}"
    hint = next((hint for cause, hint in HINTS if re.search(cause, text)), DEFAULT_HINT)
    return (
        f"Conductor ({image}) did not start: {error}\n"
        f"Last log lines:\n{logs or '(none)'}\n"
        f"Hint: {hint}"
    )
