"""Remember what outside services answered, so that no retry pays for it twice (seed CACHE-001).

A key is made of content (the audio's own bytes, the words in a prompt), never of a presigned URL,
which changes at each signing. Of several workers that want the same answer at the same time, one
asks and the others wait for what it brings home.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from sqlalchemy import delete, func, select

from reference_workers import metrics
from reference_workers.errors import ConflictError, TransientError
from reference_workers.platform.state import leases
from reference_workers.platform.state.models import CacheEntry
from reference_workers.platform.state.repository import State

Json = Any

LEASE_SECONDS = 15.0
"""How long the others wait for a worker that died while it asked."""

POLL_SECONDS = 0.05

log = structlog.get_logger()


class Cache:
    """Answers by what was asked; shared by all processes that share the database."""

    def __init__(
        self,
        state: State,
        *,
        max_bytes: int,
        max_age_seconds: float,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        """Use the database behind `state`.

        Args:
            state: Where the answers are kept.
            max_bytes: Of all answers together; 0 remembers nothing.
            max_age_seconds: After which an answer is asked for anew; 0 remembers nothing.
            lease_seconds: How long a worker that says nothing more counts as alive.
        """
        self._state = state
        self._max_bytes = max_bytes
        self._max_age_seconds = max_age_seconds
        self._lease_seconds = lease_seconds

    def get_or_compute(
        self, kind: str, identity: Sequence[str], compute: Callable[[], Json], *, timeout: float
    ) -> Json:
        """Return what was answered to the same question, or ask now and remember.

        Args:
            kind: The task type that asks.
            identity: Everything the answer depends on.
            compute: Asks; returns JSON other than null. What it raises is raised here and not
                remembered.
            timeout: Seconds to wait while another worker asks the same.

        Raises:
            TransientError: Another worker has been asking for longer than `timeout`.
        """
        if not self._max_bytes or not self._max_age_seconds:
            return compute()
        key = cache_key(kind, identity)
        owner = uuid.uuid4().hex
        deadline = time.monotonic() + timeout
        while (value := self._read(key)) is None:
            with self._single_flight(key, owner) as is_ours:
                if is_ours:
                    value = self._read(key)  # another may have brought it home a moment ago
                    if value is None:
                        return self._compute(key, kind, compute)
                    break
            if time.monotonic() > deadline:
                raise TransientError(f"{kind}: another worker asks the same, for too long by now")
            time.sleep(POLL_SECONDS)
        metrics.record_cache_hit()
        return value

    def _compute(self, key: str, kind: str, compute: Callable[[], Json]) -> Json:
        value = compute()
        try:
            self._store(key, kind, value)
        except TransientError as error:  # the answer has been paid for: it is not to be lost
            log.warning("an answer could not be remembered", kind=kind, cause=str(error))
        return value

    def _read(self, key: str) -> Json:
        oldest = time.time() - self._max_age_seconds
        with self._state.read_session() as session:
            entry = session.get(CacheEntry, key)
        return entry.value if entry is not None and entry.created_at > oldest else None

    def _store(self, key: str, kind: str, value: Json) -> None:
        size = len(json.dumps(value, separators=(",", ":")).encode())
        if size > self._max_bytes:
            return
        present = time.time()
        entry = CacheEntry(key=key, kind=kind, value=value, size=size, created_at=present)
        try:
            with self._state.write_session() as session:
                too_old = CacheEntry.created_at <= present - self._max_age_seconds
                session.execute(delete(CacheEntry).where(too_old))
                session.merge(entry)
                session.flush()
                newest_first = func.sum(CacheEntry.size).over(
                    order_by=(CacheEntry.created_at.desc(), CacheEntry.key)
                )
                sizes = select(CacheEntry.key, newest_first.label("so_far")).subquery()
                beyond = select(sizes.c.key).where(sizes.c.so_far > self._max_bytes)
                session.execute(delete(CacheEntry).where(CacheEntry.key.in_(beyond)))
        except ConflictError:
            return  # another has stored the same answer

    @contextmanager
    def _single_flight(self, key: str, owner: str) -> Iterator[bool]:
        """Hold the right to ask, if nobody else has it, for as long as the block lasts."""
        name = f"cache/{key}"
        if not leases.acquire(self._state, name, owner, seconds=self._lease_seconds):
            yield False
            return
        done = threading.Event()

        def renew() -> None:
            while not done.wait(self._lease_seconds / 3):
                try:
                    leases.acquire(self._state, name, owner, seconds=self._lease_seconds)
                except TransientError:
                    continue  # the next time may be in time

        renewing = threading.Thread(target=renew, name="cache-lease", daemon=True)
        renewing.start()
        try:
            yield True
        finally:
            done.set()
            renewing.join()
            leases.release(self._state, name, owner)


def cache_key(kind: str, identity: Sequence[str]) -> str:
    """Return the key of a question: no two questions share one."""
    return hashlib.sha256(json.dumps([kind, *identity]).encode()).hexdigest()
