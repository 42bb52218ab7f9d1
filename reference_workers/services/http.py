"""HTTP requests whose failures are mapped to TransientError and PermanentError.

Messages contain method, host and path; never a query (it may contain a signature) or a header.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import httpx

from reference_workers import metrics
from reference_workers.errors import PermanentError, TransientError

RETRYABLE_STATUSES = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


def is_retryable(status_code: int) -> bool:
    """Return whether the same request may succeed later."""
    return status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or status_code in RETRYABLE_STATUSES


def send_request(
    client: httpx.Client, method: str, url: str, *, show_path: bool = True, **arguments: Any
) -> httpx.Response:
    """Send one request and return its response, whatever the status.

    Args:
        client: The HTTP client.
        method: GET, POST …
        url: Absolute, or relative to the client's base URL.
        show_path: Whether errors contain the path; False where the path is a secret.
        arguments: Passed to httpx.

    Raises:
        TransientError: No answer: connection refused, lost or timed out.
        PermanentError: The URL is invalid.
    """
    with (
        metrics.record_call(_host(client, url), method) as call,
        _transport_errors(client, method, url, show_path),
    ):
        response = client.request(method, url, **arguments)
        call.record_response(response)
        return response


@contextmanager
def _transport_errors(
    client: httpx.Client, method: str, url: str, show_path: bool = True
) -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        where = _host_and_path(client, url) if show_path else _host(client, url)
        if isinstance(error, httpx.UnsupportedProtocol):
            raise PermanentError(f"{method} {where}: invalid URL") from error
        raise TransientError(f"{method} {where}: no answer ({type(error).__name__})") from error
    except httpx.InvalidURL as error:
        raise PermanentError(f"{method}: invalid URL") from error


def stream(client: httpx.Client, url: str) -> Iterator[bytes]:
    """Yield the body of a GET in chunks.

    Raises:
        TransientError: As `fetch`, or the connection is lost.
        PermanentError: As `fetch`.
    """
    with (
        metrics.record_call(_host(client, url), "GET") as call,
        _transport_errors(client, "GET", url),
        client.stream("GET", url) as response,
    ):
        yield from raise_for_status(response).iter_bytes()
        call.record_response(response)


def fetch(client: httpx.Client, method: str, url: str, **arguments: Any) -> httpx.Response:
    """Send one request and return its response if it is a success.

    Raises:
        TransientError: No answer, 408, 425, 429 or 5xx.
        PermanentError: Any other status.
    """
    return raise_for_status(send_request(client, method, url, **arguments))


def raise_for_status(response: httpx.Response) -> httpx.Response:
    """Return the response of a success; raise as `fetch` does otherwise."""
    if response.is_success:
        return response
    error = TransientError if is_retryable(response.status_code) else PermanentError
    url = response.request.url
    raise error(f"{response.request.method} {url.host}{url.path}: answered {response.status_code}")


def fetch_json(client: httpx.Client, method: str, url: str, **arguments: Any) -> dict[str, Any]:
    """Send one request and return the JSON object in its response.

    Raises:
        TransientError: As `fetch`, or the response is not a JSON object.
        PermanentError: As `fetch`.
    """
    response = fetch(client, method, url, **arguments)
    try:
        data = response.json()
    except ValueError as error:
        raise TransientError(
            f"{method} {_host_and_path(client, url)}: the response is not JSON"
        ) from error
    if not isinstance(data, dict):
        raise TransientError(
            f"{method} {_host_and_path(client, url)}: the response is not a JSON object"
        )
    return data


def _host(client: httpx.Client, url: str) -> str:
    try:
        return client.base_url.join(url).host or "?"
    except (httpx.InvalidURL, ValueError):
        return "?"


def _host_and_path(client: httpx.Client, url: str) -> str:
    absolute = client.base_url.join(url)
    return f"{absolute.host}{absolute.path}"
