"""What outside services were really asked: an independent count of every request."""

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
from trackproof.wait import wait_until

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """One request a stand-in was sent, and how it was answered."""

    number: int
    """Position in the ledger, counted from 0 over all services."""
    service: str
    method: str
    path: str
    """Path below the service's base URL, decoded."""
    query: Mapping[str, str]
    headers: Headers
    """Names in lower case, in the order they came."""
    body: bytes
    """The raw bytes, as a signature was made over them."""
    received_at: float
    """Epoch seconds at which the whole request was there."""
    status: int | None = None
    """Status of the answer; None while there is none, and for a dropped connection."""
    response: bytes = b""
    answered_at: float | None = None
    """Epoch seconds of the answer, or of the drop; None while it is being worked on."""
    faulted: bool = False
    """Whether an injected fault had a hand in the answer."""
    carried_out: bool = False
    """Whether the service really did what was asked (a lost answer may still have an effect)."""
    violations: tuple[str, ...] = ()
    """How it breaks the service's contract (contracts/services), a field each."""
    form: Mapping[str, str] = field(init=False)
    """The fields of an urlencoded form; empty for anything else."""
    json: Any = field(init=False)
    """The parsed body; None where it is no JSON."""

    def __post_init__(self) -> None:
        is_form = self.header("content-type").startswith("application/x-www-form-urlencoded")
        text = self.body.decode("utf-8", "replace")
        object.__setattr__(
            self, "form", dict(parse_qsl(text, keep_blank_values=True)) if is_form else {}
        )
        object.__setattr__(self, "json", None if is_form else parsed(self.body))

    def header(self, name: str, default: str = "") -> str:
        """Return the first header of that name, in any case."""
        return next((value for key, value in self.headers if key == name.lower()), default)

    def as_json(self) -> dict[str, Any]:
        """Return the request for the admin call; raw bytes travel as base64."""
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


def parsed(body: bytes) -> Any:
    """Return the JSON in `body`, or None where there is none."""
    try:
        return json.loads(body)
    except ValueError:
        return None


class Ledger:
    """Every request to every stand-in, in the order of arrival. Safe to use from any thread."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Start empty; `clock` returns epoch seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._generation = 0

    def open(
        self, service: str, asked: IncomingRequest, violations: tuple[str, ...] = ()
    ) -> tuple[int, int]:
        """Write down a request that has just arrived; return the ticket `close` wants.

        Args:
            service: Which stand-in it was sent to.
            asked: The request.
            violations: How it breaks the service's contract.
        """
        with self._lock:
            number = len(self._requests)
            self._requests.append(
                Request(
                    number=number,
                    service=service,
                    method=asked.method,
                    path=asked.path,
                    query=asked.query,
                    headers=asked.headers,
                    body=asked.body,
                    received_at=self._clock(),
                    violations=violations,
                )
            )
            return self._generation, number

    def close(
        self,
        ticket: tuple[int, int],
        *,
        status: int | None,
        response: bytes = b"",
        faulted: bool = False,
        carried_out: bool = True,
    ) -> None:
        """Add the answer to a request; `status` None says the connection was dropped."""
        generation, number = ticket
        with self._lock:
            if generation != self._generation:
                return  # cleared in the meantime
            self._requests[number] = replace(
                self._requests[number],
                status=status,
                response=response,
                answered_at=self._clock(),
                faulted=faulted,
                carried_out=carried_out,
            )

    def requests(
        self,
        service: str | None = None,
        *,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
    ) -> list[Request]:
        """Return the requests that fit, oldest first.

        Args:
            service: Name of the service; None for all.
            method: HTTP method in capitals; None for all.
            path: Glob over the path below the base URL (`*` crosses slashes); None for all.
            status: Status of the answer; None for all, answered or not.
        """
        return [
            request
            for request in self._snapshot()
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
        """Return how many requests fit; the arguments are those of `requests`."""
        return len(self.requests(service, method=method, path=path, status=status))

    def last(
        self, service: str | None = None, *, method: str | None = None, path: str | None = None
    ) -> Request | None:
        """Return the youngest request that fits, or None."""
        found = self.requests(service, method=method, path=path)
        return found[-1] if found else None

    def wait_for(
        self, count: int, service: str | None = None, *, path: str | None = None, timeout: float
    ) -> list[Request]:
        """Wait until at least `count` fitting requests have been answered or dropped.

        Args:
            count: How many are wanted.
            service: Name of the service; None for all.
            path: Glob over the path; None for all.
            timeout: Seconds until the wait is given up.

        Raises:
            DeadlineError: They did not come in time; the evidence lists what came.
        """

        def answered() -> list[Request] | None:
            found = self.requests(service, path=path)
            done = [request for request in found if request.answered_at is not None]
            return done if len(done) >= count else None

        return wait_until(
            answered,
            what=f"{count} requests to {service or 'the stand-ins'} {path or ''}".rstrip(),
            timeout=timeout,
            evidence=self.describe,
        )

    def describe(self) -> str:
        """Return one line a request, for people."""
        return "\n".join(
            f"{r.number:>4} {r.service} {r.method} {r.path} -> {r.status or 'no answer'}"
            for r in self.requests()
        )

    def _snapshot(self) -> list[Request]:
        """Return all requests as they are told; a ledger in other terms tells them in those."""
        with self._lock:
            return list(self._requests)

    def clear(self) -> None:
        """Forget everything, requests under way included."""
        with self._lock:
            self._requests.clear()
            self._generation += 1
