"""How stand-ins are told to misbehave: rules, each for some requests and some times."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Fault(BaseModel):
    """One rule: which requests it meets, how often, and what goes wrong with them.

    `status`, `body` and `headers` together make a wrong answer (`body` alone: 200 with a
    broken body). `drop` closes the connection without an answer. `delay` goes with either, or
    alone: then the right answer comes late.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str
    method: str | None = None
    path: str | None = None
    """Glob over the path below the base URL; `*` crosses slashes."""
    times: int | None = Field(default=None, ge=1)
    """How many requests it meets before it is over; None: for good."""
    status: int | None = Field(default=None, ge=200, le=599)
    body: str | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)
    delay: float = Field(default=0.0, ge=0.0)
    """Seconds."""
    drop: bool = False
    cut_after: int | None = Field(default=None, ge=0)
    """Bytes of the right answer's body after which the connection is cut; S3 only."""
    carried_out: bool = False
    """The service does what was asked, and only then it goes wrong: the lost acknowledgement."""

    @model_validator(mode="after")
    def _one_way_to_go_wrong(self) -> Self:
        if self.drop and (self.answers or self.headers):
            raise ValueError("a dropped connection has no status, body or headers")
        if self.headers and not self.answers:
            raise ValueError("headers need a status or a body")
        if not (self.drop or self.answers or self.delay or self.cut_after is not None):
            raise ValueError("say what goes wrong: status, body, delay, drop or cut_after")
        if self.cut_after is not None and (self.service != "s3" or self.drop or self.answers):
            raise ValueError("cut_after is for the right answers of s3")
        return self

    @property
    def answers(self) -> bool:
        """Whether the rule brings an answer of its own."""
        return self.status is not None or self.body is not None

    def meets(self, service: str, method: str, path: str) -> bool:
        """Tell whether the rule is for such a request."""
        return (
            service == self.service
            and self.method in (None, method)
            and (self.path is None or fnmatchcase(path, self.path))
        )


class Faults:
    """The rules in force. The oldest one that fits is used. Safe to use from any thread."""

    def __init__(self, services: frozenset[str]) -> None:
        """Start without rules; `services` are the names a rule may use."""
        self._services = services
        self._lock = threading.Lock()
        self._left: list[tuple[Fault, int | None]] = []

    def add(self, *faults: Fault) -> None:
        """Put rules in force.

        Raises:
            ValueError: A rule is for a service that does not exist.
        """
        for fault in faults:
            if fault.service not in self._services:
                known = ", ".join(sorted(self._services))
                raise ValueError(f"there is no service {fault.service!r}, only {known}")
        with self._lock:
            self._left.extend((fault, fault.times) for fault in faults)

    def take(self, service: str, method: str, path: str) -> Fault | None:
        """Return the rule this request runs into, and count it; None when there is none."""
        with self._lock:
            for index, (fault, left) in enumerate(self._left):
                if not fault.meets(service, method, path):
                    continue
                if left == 1:
                    del self._left[index]
                elif left is not None:
                    self._left[index] = (fault, left - 1)
                return fault
        return None

    def active(self) -> list[Fault]:
        """Return the rules in force, oldest first; `times` says what is left of each."""
        with self._lock:
            return [fault.model_copy(update={"times": left}) for fault, left in self._left]

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._left.clear()
