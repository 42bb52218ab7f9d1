"""Backend "url": a running Conductor given by its address, never started or stopped here."""

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
    ProbeStatus.SILENT: "check for a firewall in between, or an overloaded or stopped server",
    ProbeStatus.FORBIDDEN: "this server requires credentials; open-source Conductor, which "
    "trackproof supports, has none",
    ProbeStatus.NOT_FOUND: "a server answers, but no Conductor at this path; use the address whose "
    "/health and /api/metadata/taskdefs work",
    ProbeStatus.BROKEN: "read the server's log",
    ProbeStatus.UNHEALTHY: "read the server's log: its health check is negative",
    ProbeStatus.SOMETHING_ELSE: "another program answers, Conductor's UI or a proxy; use the "
    "port of the Conductor API (8080 by default)",
}


def connect(url: str, *, timeout: float = limits.EXTERNAL) -> ConductorServer:
    """Return the Conductor at `url` after checking its health and metadata API.

    Args:
        url: With or without `/api` and a trailing slash.
        timeout: Seconds for all requests together, name resolution included.

    Raises:
        UsageError: `url` is no HTTP address.
        TestbedError: No usable Conductor answers; the evidence is the last response.
    """
    api_url = normalised_api_url(url)
    silent = Probe(ProbeStatus.SILENT, f"no answer within {timeout:g} s")
    result, version = _within(timeout, lambda: _check(api_url, timeout), (silent, UNKNOWN_VERSION))
    if not result.ready:
        raise TestbedError(
            f"no usable Conductor answers at {api_url}",
            evidence=result.detail,
            hint=HINTS[result.status],
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
        UsageError: `url` is no HTTP address.
    """
    parts = urlsplit(url.strip())
    try:
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number
        valid = False
    if not valid or parts.query or parts.fragment:
        raise UsageError(
            f"{url!r} is not the address of a server",
            hint="use the form http://localhost:8080, with or without /api",
        )
    segments = [segment for segment in parts.path.split("/") if segment]
    if segments[-1:] != ["api"]:
        segments.append("api")
    return f"{parts.scheme}://{parts.netloc}/{'/'.join(segments)}"


def _check(api_url: str, timeout: float) -> tuple[Probe, str]:
    result = probe(api_url, timeout=timeout * 0.75)
    if not result.ready:
        return result, UNKNOWN_VERSION
    return result, find_version(api_url, timeout=timeout * 0.05)


def find_version(api_url: str, *, timeout: float = limits.PROBE) -> str:
    """Return a server's version, or "unknown".

    Servers from 3.2x on answer `/api/version`; older ones show their jar in `/api/admin/config`.
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
    match = SERVER_JAR.search(response.text)
    return match[1] if match else None


def _within(seconds: float, call: Callable[[], T], default: T) -> T:
    """Return the result of `call`, or `default` after `seconds`.

    Runs in a thread, because name resolution has no timeout.
    """
    results: queue.Queue[T] = queue.Queue()
    threading.Thread(target=lambda: results.put(call()), daemon=True).start()
    try:
        return results.get(timeout=seconds)
    except queue.Empty:
        return default
