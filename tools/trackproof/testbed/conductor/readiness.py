"""Readiness of a Conductor: its health check is positive and its metadata API answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

import httpx

from trackproof.testbed.conductor import limits
from trackproof.testbed.conductor.rest import http_client

EXCERPT_CHARS = 160


class ProbeStatus(StrEnum):
    """Outcome of a probe, one value per remedy."""

    READY = "ready"
    UNREACHABLE = "unreachable"
    SILENT = "silent"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not found"
    BROKEN = "broken"
    UNHEALTHY = "unhealthy"
    SOMETHING_ELSE = "something else"


@dataclass(frozen=True)
class Probe:
    """Outcome of probing a server once."""

    status: ProbeStatus
    detail: str = ""
    """The request and its response, for an error message."""

    @property
    def ready(self) -> bool:
        """Whether the server can be used."""
        return self.status is ProbeStatus.READY


def probe(api_url: str, *, timeout: float = limits.PROBE) -> Probe:
    """Request the health check, then the metadata API, within `timeout` seconds together."""
    deadline = time.monotonic() + timeout
    url = f"{api_url.removesuffix('/api')}/health"
    try:
        with http_client(api_url) as client:
            health = _judge_health(_get(client, url, deadline))
            if not health.ready:
                return health
            url = f"{api_url}/metadata/taskdefs"
            return _judge_metadata(_get(client, url, deadline))
    except (httpx.TimeoutException, TimeoutError):
        return Probe(ProbeStatus.SILENT, f"GET {url}: no answer within {timeout:g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Probe(ProbeStatus.UNREACHABLE, f"GET {url}: {error}")


def _get(client: httpx.Client, url: str, deadline: float) -> httpx.Response:
    """Read the whole response by the deadline; httpx limits each read, not the whole."""
    remaining = max(deadline - time.monotonic(), 0.001)
    with client.stream("GET", url, timeout=remaining) as response:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if time.monotonic() > deadline:
                raise TimeoutError
    return httpx.Response(
        response.status_code,
        headers={"content-type": response.headers.get("content-type", "no content type")},
        content=bytes(body),
        request=response.request,
    )


def _judge_health(response: httpx.Response) -> Probe:
    answer = _json(response)
    if isinstance(answer, dict) and answer.get("healthy") is True:
        return Probe(ProbeStatus.READY)
    if isinstance(answer, dict) and "healthy" in answer:
        return Probe(ProbeStatus.UNHEALTHY, _describe(response))
    return _judge_failure(response)


def _judge_metadata(response: httpx.Response) -> Probe:
    if response.is_success and isinstance(_json(response), list):
        return Probe(ProbeStatus.READY)
    return _judge_failure(response)


def _judge_failure(response: httpx.Response) -> Probe:
    code = response.status_code
    if code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        status = ProbeStatus.FORBIDDEN
    elif code == httpx.codes.NOT_FOUND:
        status = ProbeStatus.NOT_FOUND
    elif response.is_server_error:
        status = ProbeStatus.BROKEN
    else:
        status = ProbeStatus.SOMETHING_ELSE
    return Probe(status, _describe(response))


def _json(response: httpx.Response) -> object:
    try:
        answer: object = response.json()
    except ValueError:
        return None
    return answer


def _describe(response: httpx.Response) -> str:
    request = response.request
    kind = response.headers["content-type"].partition(";")[0]
    excerpt = " ".join(response.text.split())[:EXCERPT_CHARS]
    return f"{request.method} {request.url}: {response.status_code} {kind}: {excerpt or '(empty)'}"
