"""The ledger: an independent record of every request to an outside service."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

from trackproof.testbed.stand_ins.contract_violations import IncomingRequest

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """One request to a stand-in, with its answer."""

    number: int
    """Position in the ledger, counted from 0 over all services."""
    service: str
    method: str
    path: str
    """Path below the service's base URL, decoded."""
    query: Mapping[str, str]
    headers: Headers
    """Names in lower case, in the order of the request."""
    body: bytes
    """Raw bytes, over which a signature is computed."""
    received_at: float
    """Epoch seconds at which the request was complete."""
    status: int | None = None
    """Status of the answer; None before the answer and for a dropped connection."""
    response: bytes = b""
    answered_at: float | None = None
    """Epoch seconds of the answer or the drop; None before it."""
    faulted: bool = False
    """Whether an injected fault changed the answer."""
    carried_out: bool = False
    """Whether the service performed the request, even if its answer was lost."""
    violations: tuple[str, ...] = ()
    """Violations of the service's contract (contracts/services), one per field."""
    form: Mapping[str, str] = field(init=False)
    """Fields of an urlencoded form; empty for other bodies."""
    json: Any = field(init=False)
    """The parsed body; None if it is no JSON."""

    def __post_init__(self) -> None:
        is_form = self.header("content-type").startswith("application/x-www-form-urlencoded")
        text = self.body.decode("utf-8", "replace")
        object.__setattr__(
            self, "form", dict(parse_qsl(text, keep_blank_values=True)) if is_form else {}
        )
        object.__setattr__(self, "json", None if is_form else parse_json(self.body))

    def header(self, name: str, default: str = "") -> str:
        """Return the first header of that name, matched without case."""
        return next((value for key, value in self.headers if key == name.lower()), default)

    def as_json(self) -> dict[str, Any]:
        """Return the request for the admin API, with raw bytes as base64."""
        return {
            "number": self.number,
            "service": self.service,
            "method": self.method,
            "path": self.path,
            "query": dict(self.query),
            "headers": [list(pair) for pair in self.headers],
            "body_base64": base64.b64encode(self.body).decode(),
            "json": self.json,
            "form": dict(self.form),
            "received_at": self.received_at,
            "answered_at": self.answered_at,
            "status": self.status,
            "response_base64": base64.b64encode(self.response).decode(),
            "violations": list(self.violations),
            "faulted": self.faulted,
            "carried_out": self.carried_out,
        }


def parse_json(body: bytes) -> Any:
    """Return the JSON in `body`, or None if it is no JSON."""
    try:
        return json.loads(body)
    except ValueError:
        return None


class Ledger:
    """Every request to every stand-in, in the order of arrival. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Start empty; `clock` returns epoch seconds."""
        self._log = _Log(clock)
        self._translate: Callable[[Request], Request] | None = None

    def translated(self, translate: Callable[[Request], Request]) -> Ledger:
        """Return a view of this ledger that shows each request as `translate` returns it."""
        view = Ledger()
        view._log = self._log
        view._translate = translate
        return view

    def open(
        self, service: str, request: IncomingRequest, violations: tuple[str, ...] = ()
    ) -> tuple[int, int]:
        """Record a request that has just arrived; return the ticket for `close`.

        Args:
            service: Name of the stand-in.
            request: The request.
            violations: Violations of the service's contract.
        """
        return self._log.open(service, request, violations)

    def close(
        self,
        ticket: tuple[int, int],
        *,
        status: int | None,
        response: bytes = b"",
        faulted: bool = False,
        carried_out: bool = True,
    ) -> None:
        """Add the answer to a request; `status` is None for a dropped connection."""
        self._log.close(
            ticket, status=status, response=response, faulted=faulted, carried_out=carried_out
        )

    def requests(
        self,
        service: str | None = None,
        *,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
    ) -> list[Request]:
        """Return the matching requests, oldest first.

        Args:
            service: Name of the service; None for all.
            method: HTTP method in capitals; None for all.
            path: Glob over the path below the base URL (`*` matches slashes); None for all.
            status: Status of the answer; None for all, answered or not.
        """
        requests = self._log.snapshot()
        return [
            request
            for request in (map(self._translate, requests) if self._translate else requests)
            if (service is None or request.service == service)
            and (method is None or request.method == method)
            and (path is None or fnmatchcase(request.path, path))
            and (status is None or request.status == status)
        ]

    def count(
        self,
        service: str | None = None,
        *,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
    ) -> int:
        """Return the number of matching requests; for the arguments see `requests`."""
        return len(self.requests(service, method=method, path=path, status=status))

    def clear(self) -> None:
        """Delete all requests, unanswered ones included."""
        self._log.clear()


class _Log:
    """The records of a ledger, shared by its views."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._generation = 0

    def open(
        self, service: str, request: IncomingRequest, violations: tuple[str, ...]
    ) -> tuple[int, int]:
        with self._lock:
            number = len(self._requests)
            self._requests.append(
                Request(
                    number=number,
                    service=service,
                    method=request.method,
                    path=request.path,
                    query=request.query,
                    headers=request.headers,
                    body=request.body,
                    received_at=self._clock(),
                    violations=violations,
                )
            )
            return self._generation, number

    def close(self, ticket: tuple[int, int], **answer: Any) -> None:
        generation, number = ticket
        with self._lock:
            if generation != self._generation:
                return  # cleared in the meantime
            self._requests[number] = replace(
                self._requests[number], answered_at=self._clock(), **answer
            )

    def snapshot(self) -> list[Request]:
        with self._lock:
            return list(self._requests)

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()
            self._generation += 1
