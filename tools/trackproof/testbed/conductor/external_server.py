"""Backend "url": a Conductor that somebody else started and that is left alone."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from trackproof.errors import TestbedError, UsageError
from trackproof.testbed.conductor import limits
from trackproof.testbed.conductor.readiness import Probe, ProbeStatus, probe
from trackproof.testbed.conductor.rest import http_client
from trackproof.testbed.conductor.server import ConductorServer

T = TypeVar("T")

UNKNOWN_VERSION = "unknown"
VERSION_NUMBER = re.compile(r"^\d+\.\d+[\w.-]*$")
SERVER_JAR = re.compile(r"conductor-[\w-]*?server-(\d+\.\d+[\w.]*?)(?:-boot|-all)?\.jar")

HINTS = {
    ProbeStatus.UNREACHABLE: "start the server, or correct host and port",
    ProbeStatus.SILENT: "see whether a firewall is in between, or the server is overloaded or stopped",
    ProbeStatus.FORBIDDEN: "this server asks for credentials; trackproof drives open-source Conductor, "
    "which has none",
    ProbeStatus.NOT_FOUND: "something answers there, but no Conductor at this path; give the address "
    "whose /health and /api/metadata/taskdefs work",
    ProbeStatus.BROKEN: "see the server's log",
    ProbeStatus.UNHEALTHY: "see the server's log: it says of itself that it is not healthy",
    ProbeStatus.SOMETHING_ELSE: "another program answers there, perhaps Conductor's UI or a proxy; give "
    "the port of the Conductor API (8080 by default)",
}


def connect(url: str, *, timeout: float = limits.EXISTING) -> ConductorServer:
    """Make sure a usable Conductor answers at `url`, within `timeout` seconds in all.

    Args:
        url: With or without `/api`, with or without a slash at the end.
        timeout: Seconds for every question together, name resolution included.

    Raises:
        UsageError: That is no HTTP address.
        TestbedError: No usable Conductor answers there; says what was seen instead.
    """
    api_url = normalised_api_url(url)
    silent = Probe(ProbeStatus.SILENT, f"no answer within {timeout:g} s")
    seen, version = _within(timeout, lambda: _look(api_url, timeout), (silent, UNKNOWN_VERSION))
    if not seen.ready:
        raise TestbedError(
            f"no usable Conductor answers at {api_url}",
            evidence=seen.detail,
            hint=HINTS[seen.seen],
        )
    return ConductorServer(
        api_url=api_url,
        internal_api_url=api_url,
        backend="url",
        version=version,
        read_log=lambda _lines: "(the log of a server given by its URL cannot be read from here)",
        exit_code=lambda: None,
        end=lambda: None,
    )


def normalised_api_url(url: str) -> str:
    """Return the address with exactly one `/api` at its end.

    Raises:
        UsageError: That is no HTTP address.
    """
    parts = urlsplit(url.strip())
    try:
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number
        valid = False
    if not valid or parts.query or parts.fragment:
        raise UsageError(
            f"{url!r} is not the address of a server",
            hint="write it like http://localhost:8080, with or without /api",
        )
    segments = [segment for segment in parts.path.split("/") if segment]
    if segments[-1:] != ["api"]:
        segments.append("api")
    return f"{parts.scheme}://{parts.netloc}/{'/'.join(segments)}"


def _look(api_url: str, timeout: float) -> tuple[Probe, str]:
    seen = probe(api_url, timeout=timeout * 0.75)
    return seen, find_version(api_url, timeout=timeout * 0.05) if seen.ready else UNKNOWN_VERSION


def find_version(api_url: str, *, timeout: float = limits.PROBE) -> str:
    """Return a server's version if it tells, else "unknown".

    Servers from 3.2x on answer `/api/version`; older ones name their jar in `/api/admin/config`.
    """
    with http_client(api_url, timeout=timeout) as client:
        for path, read in (("/version", _version_in_text), ("/admin/config", _version_in_config)):
            try:
                response = client.get(api_url + path)
            except httpx.HTTPError:
                continue
            version = read(response) if response.is_success else None
            if version:
                return version
    return UNKNOWN_VERSION


def _version_in_text(response: httpx.Response) -> str | None:
    text = response.text.strip().strip('"')
    return text if VERSION_NUMBER.match(text) else None


def _version_in_config(response: httpx.Response) -> str | None:
    named = SERVER_JAR.search(response.text)
    return named[1] if named else None


def _within(seconds: float, ask: Callable[[], T], otherwise: T) -> T:
    """Return what `ask` finds, or `otherwise` when the time is over.

    A thread of its own, because looking up a host name knows no time limit.
    """
    answers: queue.Queue[T] = queue.Queue()
    threading.Thread(target=lambda: answers.put(ask()), daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return otherwise
