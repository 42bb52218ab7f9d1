"""One way to get a Conductor, whichever backend gives it."""

from __future__ import annotations

from typing import Literal, get_args

from trackproof.errors import TestbedError, UsageError
from trackproof.testbed.conductor.container.backend import start_container
from trackproof.testbed.conductor.external_server import connect
from trackproof.testbed.conductor.process.backend import start_process
from trackproof.testbed.conductor.process.jar import Report
from trackproof.testbed.conductor.server import ConductorServer
from trackproof.testbed.conductor.versions import DEFAULT_VERSION, conductor_version
from trackproof.testbed.docker import find_image

Choice = Literal["auto", "container", "process"]


def start_conductor(
    backend: Choice | str = "auto",
    version: str = DEFAULT_VERSION,
    *,
    report: Report = lambda _line: None,
) -> ConductorServer:
    """Return a ready Conductor; use it as a context manager to end what was started.

    Args:
        backend: "container" or "process", or the URL of a running server, or "auto": a container
            if a Docker engine with an image is at hand, else a process.
        version: A name from the table of versions; a given URL decides for itself.
        report: Told in one line which backend it is and why, and what takes its time.

    Raises:
        UsageError: An unknown backend or version, or a malformed URL.
        TestbedError: The server could not be started or reached.
    """
    if backend not in get_args(Choice):
        if "://" not in backend:
            raise UsageError(
                f"{backend!r} is no way to get a Conductor",
                hint=f"choose one of {', '.join(get_args(Choice))}, or give the URL of a server",
            )
        server = connect(backend)
        report(f"Conductor {server.version} at {server.api_url}: a running server was given")
        return server
    known = conductor_version(version)
    if backend == "process":
        report(f"Conductor {version} as a process: asked for")
        return start_process(version, report=report)
    try:
        image = find_image(known, report=report)
    except TestbedError as error:
        if backend == "container":
            raise
        report(f"Conductor {version} as a process: {error.what}")
        return start_process(version, report=report)
    why = "asked for" if backend == "container" else "a Docker engine and the image are at hand"
    report(f"Conductor {version} in a container of {image}: {why}")
    return start_container(version, report=report, image=image)
