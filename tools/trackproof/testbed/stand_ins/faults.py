"""Faults: rules by which stand-ins answer some requests wrongly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Fault(BaseModel):
    """One rule: the requests it applies to, how many of them, and the failure.

    `status`, `body` and `headers` form a wrong answer (`body` alone: 200 with a broken body).
    `drop` closes the connection without an answer. `delay` combines with either; alone it delays
    the right answer. `drip` sends the wrong answer's headers, and then a body without end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str
    method: str | None = None
    path: str | None = None
    """Glob over the path below the base URL; `*` matches slashes."""
    sent: str = ""
    """A text that the request's body has; not for s3."""
    times: int | None = Field(default=None, ge=1)
    """Number of requests it applies to; None: all, until `Faults.clear`."""
    skip: int = Field(default=0, ge=0)
    """Number of matching requests that pass before it applies."""
    status: int | None = Field(default=None, ge=200, le=599)
    body: str | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)
    delay: float = Field(default=0.0, ge=0.0)
    """Seconds."""
    drop: bool = False
    cut_after: int | None = Field(default=None, ge=0)
    """Bytes of the right answer's body before the connection is cut; S3 only."""
    store_only: int | None = Field(default=None, ge=0)
    """Bytes of an upload that are stored although the answer is right; S3 only."""
    drip: float = Field(default=0.0, ge=0.0)
    """Seconds between the bytes of a body that does not end before the client gives up."""
    text: str | None = Field(default=None, min_length=1)
    """Every text of the right answer, in the shape that the caller requests; LLM only."""
    carried_out: bool = False
    """The service performs the request before the failure: a lost acknowledgement."""

    @model_validator(mode="after")
    def _check_failure(self) -> Self:
        if self.drop and (self.answers or self.headers):
            raise ValueError("a dropped connection has no status, body or headers")
        if self.headers and not self.answers:
            raise ValueError("headers need a status or a body")
        others = (self.cut_after, self.store_only, self.text)
        if not (self.drop or self.answers or self.delay or any(one is not None for one in others)):
            raise ValueError(
                "a fault needs a status, body, text, delay, drop, cut_after or store_only"
            )
        if self.text is not None and self.service != "llm":
            raise ValueError("text applies only to llm")
        if self.store_only is not None and self.service != "s3":
            raise ValueError("store_only applies only to s3")
        if self.drip and (not self.answers or self.service == "s3"):
            raise ValueError("drip needs a status or a body, and does not apply to s3")
        if self.cut_after is not None and (self.service != "s3" or self.drop or self.answers):
            raise ValueError("cut_after applies only to successful answers of s3")
        return self

    @property
    def answers(self) -> bool:
        """Whether the rule replaces the answer."""
        return self.status is not None or self.body is not None

    def matches(self, service: str, method: str, path: str, body: bytes = b"") -> bool:
        """Return whether the rule applies to a request."""
        return (
            service == self.service
            and self.method in (None, method)
            and self.sent.encode() in body
            and (self.path is None or fnmatchcase(path, self.path))
        )


@dataclass(slots=True)
class _Rule:
    fault: Fault
    left: int | None
    """Requests that it still applies to; None: unlimited."""
    passing: int = 0
    """Requests that still pass before it applies."""
    met: int = 0
    """Requests that it applied to."""
    lasting: bool = False
    """It outlasts `Faults.clear` and counts for no test."""


class LastingFaults:
    """Rules for work beside the tests: active until `remove`."""

    def __init__(self, faults: Faults, rules: list[_Rule]) -> None:
        """Handle rules that are active already."""
        self._faults = faults
        self._rules = rules

    def unmet(self) -> list[Fault]:
        """Return the rules that no request has met."""
        return [rule.fault for rule in self._rules if not rule.met]

    def remove(self) -> None:
        """Deactivate them."""
        self._faults.discard(self._rules)


class Faults:
    """The active rules; the oldest matching one applies. Thread-safe."""

    def __init__(self, services: frozenset[str]) -> None:
        """Start without rules; `services` are the valid service names."""
        self._services = services
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._translate: Callable[[Fault], Fault] | None = None

    def translated(self, translate: Callable[[Fault], Fault]) -> Faults:
        """Return a view of these rules whose `add` translates each rule."""
        view = Faults(self._services)
        view._lock, view._rules = self._lock, self._rules
        view._translate = translate
        return view

    def add(self, *faults: Fault) -> None:
        """Activate rules.

        Raises:
            ValueError: A rule is for an unknown service.
        """
        self._add(faults, lasting=False)

    def add_lasting(self, *faults: Fault) -> LastingFaults:
        """Activate rules that `clear` leaves active, and `unmet` and `len` leave out.

        Raises:
            ValueError: A rule is for an unknown service.
        """
        return LastingFaults(self, self._add(faults, lasting=True))

    def _add(self, faults: Sequence[Fault], *, lasting: bool) -> list[_Rule]:
        for fault in faults:
            if fault.service not in self._services:
                known = ", ".join(sorted(self._services))
                raise ValueError(f"unknown service {fault.service!r}; known: {known}")
        translated = map(self._translate, faults) if self._translate else faults
        rules = [_Rule(fault, fault.times, fault.skip, lasting=lasting) for fault in translated]
        with self._lock:
            self._rules.extend(rules)
        return rules

    def take(self, service: str, method: str, path: str, body: bytes = b"") -> Fault | None:
        """Return the rule that applies to a request and count the request; None without one."""
        with self._lock:
            for rule in self._rules:
                if rule.left == 0 or not rule.fault.matches(service, method, path, body):
                    continue
                if rule.passing:
                    rule.passing -= 1
                    continue
                rule.met += 1
                if rule.left is not None:
                    rule.left -= 1
                return rule.fault
        return None

    def unmet(self) -> list[Fault]:
        """Return the rules that no request has met since they were added."""
        with self._lock:
            return [rule.fault for rule in self._rules if not (rule.met or rule.lasting)]

    def __len__(self) -> int:
        """Return the number of rules since the last `clear`, used up or not."""
        with self._lock:
            return sum(not rule.lasting for rule in self._rules)

    def active(self) -> list[Fault]:
        """Return the active rules, oldest first, with the remaining number in `times`."""
        with self._lock:
            return [
                rule.fault.model_copy(update={"times": rule.left})
                for rule in self._rules
                if rule.left != 0
            ]

    def clear(self) -> None:
        """Remove all rules but the lasting ones."""
        with self._lock:
            self._rules[:] = [rule for rule in self._rules if rule.lasting]

    def discard(self, rules: Sequence[_Rule]) -> None:
        """Remove these rules, lasting ones too."""
        removed = set(map(id, rules))
        with self._lock:
            self._rules[:] = [rule for rule in self._rules if id(rule) not in removed]
