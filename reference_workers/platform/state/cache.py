"""Cache of outside services' answers, so that retries do not pay twice (seed CACHE-001).

Keys are derived from content (the audio's bytes, the prompt), never from a presigned URL, which
changes with each signature. Single-flight: concurrent workers with the same key share one request.
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
"""Lifetime of an unrenewed lease: how long waiters are blocked by a worker that died."""

POLL_SECONDS = 0.05

log = structlog.get_logger()


class Cache:
    """Answers by key, shared by all processes that share the database."""

    def __init__(
        self,
        state: State,
        *,
        max_bytes: int,
        max_age_seconds: float,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        """Create a cache in the database of `state`.

        Args:
            state: The database.
            max_bytes: Size limit of all answers; 0 disables the cache.
            max_age_seconds: Lifetime of an answer; 0 disables the cache.
            lease_seconds: Lifetime of an unrenewed single-flight lease.
        """
        self._state = state
        self._max_bytes = max_bytes
        self._max_age_seconds = max_age_seconds
        self._lease_seconds = lease_seconds

    def get_or_compute(
        self,
        kind: str,
        identity: Sequence[str],
        compute: Callable[[], Json],
        *,
        accept: Callable[[Json], bool] = lambda _: True,
        timeout: float,
    ) -> Json:
        """Return the cached answer, or compute and store it.

        Args:
            kind: The task type.
            identity: Everything the answer depends on.
            compute: Returns JSON other than null. Its exceptions propagate and are not cached.
            accept: Whether an answer is valid; by default any is. No other is stored, and a
                stored one that is not valid is computed again.
            timeout: Seconds to wait while another worker computes the same answer.

        Raises:
            TransientError: Another worker is still computing the answer after `timeout`.
        """
        if not self._max_bytes or not self._max_age_seconds:
            return compute()
        key = cache_key(kind, identity)
        owner = uuid.uuid4().hex
        deadline = time.monotonic() + timeout
        while (value := self._read(key, accept)) is None:
            with self._single_flight(key, owner) as has_lease:
                if has_lease:
                    value = self._read(key, accept)  # another worker may have just stored it
                    if value is None:
                        return self._compute(key, kind, compute, accept)
                    break
            if time.monotonic() > deadline:
                raise TransientError(f"{kind}: timed out waiting for the same request")
            time.sleep(POLL_SECONDS)
        metrics.record_cache_hit()
        return value

    def _compute(
        self, key: str, kind: str, compute: Callable[[], Json], accept: Callable[[Json], bool]
    ) -> Json:
        value = compute()
        try:
            if accept(value):
                self._store(key, kind, value)
        except TransientError as error:  # return the answer, which has been paid for
            log.warning("cannot cache the answer", kind=kind, cause=str(error))
        return value

    def _read(self, key: str, accept: Callable[[Json], bool]) -> Json:
        oldest = time.time() - self._max_age_seconds
        with self._state.read_session() as session:
            entry = session.get(CacheEntry, key)
        is_fresh = entry is not None and entry.created_at > oldest
        return entry.value if entry is not None and is_fresh and accept(entry.value) else None

    def _store(self, key: str, kind: str, value: Json) -> None:
        size = len(json.dumps(value, separators=(",", ":")).encode())
        if size > self._max_bytes:
            return
        now = time.time()
        entry = CacheEntry(key=key, kind=kind, value=value, size=size, created_at=now)
        try:
            with self._state.write_session() as session:
                expired = CacheEntry.created_at <= now - self._max_age_seconds
                session.execute(delete(CacheEntry).where(expired))
                session.merge(entry)
                session.flush()
                newest_first = func.sum(CacheEntry.size).over(
                    order_by=(CacheEntry.created_at.desc(), CacheEntry.key)
                )
                sizes = select(CacheEntry.key, newest_first.label("so_far")).subquery()
                evicted = select(sizes.c.key).where(sizes.c.so_far > self._max_bytes)
                session.execute(delete(CacheEntry).where(CacheEntry.key.in_(evicted)))
        except ConflictError:
            return  # another worker stored the same answer

    @contextmanager
    def _single_flight(self, key: str, owner: str) -> Iterator[bool]:
        """Hold the lease on a key during the block; yield whether it was acquired."""
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
                    continue  # the next renewal may succeed

        renewal = threading.Thread(target=renew, name="cache-lease", daemon=True)
        renewal.start()
        try:
            yield True
        finally:
            done.set()
            renewal.join()
            leases.release(self._state, name, owner)


def cache_key(kind: str, identity: Sequence[str]) -> str:
    """Return the SHA-256 key of a kind and identity."""
    return hashlib.sha256(json.dumps([kind, *identity]).encode()).hexdigest()
