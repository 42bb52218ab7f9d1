"""Backend "container": a Conductor image on this machine's Docker engine."""

from __future__ import annotations

from contextlib import ExitStack

from docker.errors import DockerException
from testcontainers.core.exceptions import ContainerStartException

from trackproof.errors import TestbedError
from trackproof.testbed.conductor import limits
from trackproof.testbed.conductor.container.conductor_container import ConductorContainer
from trackproof.testbed.conductor.container.image import find_image
from trackproof.testbed.conductor.process.jar import Report
from trackproof.testbed.conductor.server import ConductorServer
from trackproof.testbed.conductor.versions import DEFAULT_VERSION, conductor_version
from trackproof.testbed.docker import ManagedContainer


def start_container(
    version: str = DEFAULT_VERSION,
    *,
    report: Report,
    image: str | None = None,
    start_seconds: float = limits.START,
) -> ConductorServer:
    """Start a server in a container and return it when it is ready.

    Args:
        version: A name from the table of versions.
        report: Receives single lines of progress.
        image: By default the image that `find_image` returns.
        start_seconds: Time limit for the server to become ready.

    Raises:
        TestbedError: No engine, no image, or the server did not start; with its last log lines.
    """
    chosen = conductor_version(version)
    image = image or find_image(chosen, report=report)
    container = ConductorContainer(image, startup_timeout=int(start_seconds))
    for name, value in chosen.properties.items():
        container.with_property(name, value)
    with ExitStack() as stack:
        managed = stack.enter_context(ManagedContainer(container))
        try:
            managed.start()
        except (ContainerStartException, DockerException, OSError) as error:
            raise _start_error(error) from error
        server = ConductorServer(
            api_url=container.get_api_url(),
            internal_api_url=container.get_internal_api_url(),
            backend="container",
            version=chosen.name,
            read_log=managed.log,
            exit_code=managed.exit_code,
            end=managed.stop,
        )
        stack.pop_all()  # the server owns the container from here on
        return server


def _start_error(error: Exception) -> TestbedError:
    """Split the message of `ConductorContainer` into summary, log lines and hint."""
    what, _, rest = str(error).partition("\n")
    evidence, _, hint = rest.removeprefix("Last log lines:\n").rpartition("Hint: ")
    return TestbedError(what, evidence=evidence.strip(), hint=hint)
