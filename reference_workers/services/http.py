"""HTTP requests with limits, whose failures are mapped to TransientError and PermanentError.

A request has one time limit from connecting to the last byte, and a response one size limit.
Messages contain method, host and path; never a query (it may contain a signature) or a header.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from reference_workers import metrics, tls
from reference_workers.errors import PermanentError, TransientError
from reference_workers.services.bodies import ACCEPTED_ENCODINGS, TooLargeError, read_body
from reference_workers.services.deadlines import (
    DeadlineTransport,
    NetworkBackend,
    check_time,
    time_limit,
)
from reference_workers.text import clean_json

RETRYABLE_STATUSES = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


MAX_BYTES = 8_000_000
"""Size limit of a response, compressed and decompressed."""

DEFAULT_SECONDS = 60.0
"""Time limit of a request of a client without one."""


def is_retryable(status_code: int) -> bool:
    """Return whether the same request may succeed later."""
    return status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or status_code in RETRYABLE_STATUSES


def open_client(
    *, timeout: float, backend: NetworkBackend | None = None, **options: Any
) -> httpx.Client:
    """Return a client whose requests take at most `timeout` seconds as a whole.

    Args:
        timeout: Seconds from connecting to the last byte of the response.
        backend: Opens the connections; by default to any address.
        options: Passed to httpx: base URL, headers, authentication.
    """
    context = tls.context()  # for proxies too, which the environment may name
    transport = DeadlineTransport(context, backend)
    headers = {"Accept-Encoding": ACCEPTED_ENCODINGS, **options.pop("headers", {})}
    return httpx.Client(
        timeout=timeout, transport=transport, verify=context, headers=headers, **options
    )


def send_request(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    show_path: bool = True,
    max_bytes: int = MAX_BYTES,
    **arguments: Any,
) -> httpx.Response:
    """Send one request and return its response, whatever the status.

    Args:
        client: The HTTP client.
        method: GET, POST …
        url: Absolute, or relative to the client's base URL.
        show_path: Whether errors contain the path; False where the path is a secret.
        max_bytes: Size limit of the response's body; with 0 the body is not read.
        arguments: Passed to httpx.

    Raises:
        TransientError: No answer: connection refused, lost or timed out; or the body is larger
            than `max_bytes`.
        PermanentError: The URL is invalid.
    """
    with (
        metrics.record_call(_host(client, url), method) as call,
        _transport_errors(client, method, url, show_path),
        client.stream(method, url, **arguments) as response,
    ):
        try:
            body = read_body(response, max_bytes) if max_bytes else b""
        except TooLargeError:
            where = _where(client, url, show_path)
            limit = f"{max_bytes / 1_000_000:g} MB"
            raise TransientError(f"{method} {where}: the answer is larger than {limit}") from None
        call.record_response(response)
        decoded = {"content-encoding", "content-length", "transfer-encoding"}
        headers = response.headers.multi_items()
        return httpx.Response(
            response.status_code,
            headers=[(name, value) for name, value in headers if name not in decoded],
            content=body,
            request=response.request,
        )


@contextmanager
def _transport_errors(
    client: httpx.Client,
    method: str,
    url: str,
    show_path: bool = True,
    *,
    seconds: float | None = None,
) -> Iterator[None]:
    try:
        with time_limit(seconds or client.timeout.read or DEFAULT_SECONDS):
            yield
    except httpx.DecodingError as error:
        where = _where(client, url, show_path)
        raise TransientError(f"{method} {where}: the answer cannot be decoded") from error
    except httpx.TransportError as error:
        where = _where(client, url, show_path)
        if isinstance(error, httpx.UnsupportedProtocol):
            raise PermanentError(f"{method} {where}: invalid URL") from error
        raise TransientError(f"{method} {where}: no answer ({type(error).__name__})") from error
    except httpx.InvalidURL as error:
        raise PermanentError(f"{method}: invalid URL") from error


def stream(client: httpx.Client, url: str, *, seconds: float) -> Iterator[bytes]:
    """Yield the body of a GET in chunks; it takes at most `seconds` as a whole.

    Raises:
        TransientError: As `fetch`, or the connection is lost.
        PermanentError: As `fetch`.
    """
    with (
        metrics.record_call(_host(client, url), "GET") as call,
        _transport_errors(client, "GET", url, seconds=seconds),
        client.stream("GET", url) as response,
    ):
        for chunk in raise_for_status(response).iter_bytes():
            check_time()
            yield chunk
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
    url = response.request.url
    text = f"{response.request.method} {url.host}{url.path}: answered {response.status_code}"
    if is_retryable(response.status_code):
        raise TransientError(text, retry_after=retry_after(response))
    raise PermanentError(text)


def retry_after(response: httpx.Response) -> float:
    """Return the seconds after which a service wants the next request; 0 if it does not say.

    The header has seconds or a date; Zulip answers `{"retry-after": seconds}`.
    """
    values: list[object] = [response.headers.get("Retry-After")]
    with suppress(ValueError, RecursionError, httpx.ResponseNotRead):
        if isinstance(data := json.loads(response.content), dict):
            values.append(data.get("retry-after"))
    return max(0.0, *map(_seconds, values))


def _seconds(value: object) -> float:
    if not isinstance(value, str | int | float):
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(str(value)).timestamp() - time.time()
        except (ValueError, OverflowError):
            return 0.0
    return seconds if math.isfinite(seconds) else 0.0


def fetch_json(client: httpx.Client, method: str, url: str, **arguments: Any) -> dict[str, Any]:
    """Send one request and return the JSON object in its response.

    Raises:
        TransientError: As `fetch`, or the response is not a JSON object.
        PermanentError: As `fetch`.
    """
    where = f"{method} {_host_and_path(client, url)}"
    return parse_object(fetch(client, method, url, **arguments).content, where)


def parse_object(body: bytes, where: str) -> dict[str, Any]:
    """Return a body's JSON object, with clean texts.

    Raises:
        TransientError: It is not a JSON object; the message starts with `where`.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise TransientError(f"{where}: the response is not JSON") from error
    if not isinstance(data, dict):
        raise TransientError(f"{where}: the response is not a JSON object")
    cleaned: dict[str, Any] = clean_json(data)
    return cleaned


def _host(client: httpx.Client, url: str) -> str:
    try:
        return client.base_url.join(url).host or "?"
    except (httpx.InvalidURL, ValueError):
        return "?"


def _where(client: httpx.Client, url: str, show_path: bool) -> str:
    """Return what an error says of the URL."""
    return _host_and_path(client, url) if show_path else _host(client, url)


def _host_and_path(client: httpx.Client, url: str) -> str:
    absolute = client.base_url.join(url)
    return f"{absolute.host}{absolute.path}"
