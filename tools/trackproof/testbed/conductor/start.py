"""Start a Conductor with the chosen backend."""

from __future__ import annotations

from typing import Literal, get_args

from trackproof.errors import TestbedError, UsageError
from trackproof.testbed.conductor.container.backend import start_container
from trackproof.testbed.conductor.container.image import find_image
from trackproof.testbed.conductor.durable import start_durable
from trackproof.testbed.conductor.external_server import connect
from trackproof.testbed.conductor.process.backend import start_process
from trackproof.testbed.conductor.process.jar import Report
from trackproof.testbed.conductor.server import ConductorServer
from trackproof.testbed.conductor.versions import DEFAULT_VERSION, conductor_version

Choice = Literal["auto", "container", "process", "durable"]


def start_conductor(
    backend: Choice | str = "auto",
    version: str = DEFAULT_VERSION,
    *,
    report: Report = lambda _line: None,
) -> ConductorServer:
    """Return a ready Conductor; as a context manager it stops at the end of the block.

    Args:
        backend: "container", "process", "durable" (a process that keeps its runs over a kill),
            the URL of a running server, or "auto": a container if a Docker engine has or can pull
            an image, else a process.
        version: A name from the table of versions; ignored for a URL.
        report: Receives the chosen backend with its reason, and single lines of progress.

    Raises:
        UsageError: An unknown backend or version, or a malformed URL.
        TestbedError: The server could not be started or reached.
    """
    if backend not in get_args(Choice):
        if "://" not in backend:
            raise UsageError(
                f"{backend!r} is not a Conductor backend",
                hint=f"choose one of {', '.join(get_args(Choice))}, or give the URL of a server",
            )
        server = connect(backend)
        report(f"Conductor {server.version} at {server.api_url}: given by its URL")
        return server
    known = conductor_version(version)
    if backend == "durable":
        report(f"Conductor {version} as a process with its runs in Redis: as requested")
        return start_durable(version, report=report)
    if backend == "process":
        report(f"Conductor {version} as a process: as requested")
        return start_process(version, report=report)
    try:
        image = find_image(known, report=report)
    except TestbedError as error:
        if backend == "container":
            raise
        report(f"Conductor {version} as a process: {error.what}")
        return start_process(version, report=report)
    why = "as requested" if backend == "container" else "a Docker engine has the image"
    report(f"Conductor {version} in a container of {image}: {why}")
    return start_container(version, report=report, image=image)
