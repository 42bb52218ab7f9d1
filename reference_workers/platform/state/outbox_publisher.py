"""Publish events from the outbox to Redis, in order for each transcript, at least once.

One process of the fleet publishes, the holder of the lease. Published events are marked; unmarked
ones are published again. While Redis is away, events stay in the outbox. Subscribers detect
repeats and gaps by the events' seq (docs/adr/0002).
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import redis
import structlog
from sqlalchemy import update

from reference_workers.platform.state import leases
from reference_workers.platform.state.messages import read_undelivered
from reference_workers.platform.state.models import Event, now
from reference_workers.platform.state.repository import State

LEASE = "publisher"
LEASE_SECONDS = 10.0
RENEW_SECONDS = 3.0
POLL_SECONDS = 0.025
"""Pause between two polls for events of other processes; own commits wake the publisher."""
RETRY_SECONDS = 1.0
"""Pause after a failure, or while another process holds the lease."""
MARK_SECONDS = 0.5
BATCH = 500
MARK_BATCH = 5000
"""Events marked in one statement; below SQLite's limit of 32,766 variables."""
REDIS_TIMEOUT_SECONDS = 5.0

log = structlog.get_logger()


class Publisher:
    """Background thread that publishes while `running` is open."""

    def __init__(self, state: State, redis_url: str) -> None:
        """Create the publisher without connecting."""
        self._state = state
        self._redis = redis.Redis.from_url(
            redis_url,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        )
        self._owner = uuid.uuid4().hex
        self._unmarked: list[str] = []
        """Ids of published events that are not marked yet."""
        self._wake = threading.Event()
        self._stopping = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Publish until the block ends, including all events committed in it."""
        thread = threading.Thread(target=self._run, name="publisher")
        with self._state.commit_listener(lambda _: self._wake.set()):
            thread.start()
            try:
                yield
            finally:
                self._stopping.set()
                self._wake.set()
                thread.join()
                self._redis.close()

    def _run(self) -> None:
        failing = False
        while not self._stopping.is_set():
            try:
                self._publish_while_leased()
                failing = False
            except Exception as error:  # keep publishing after any error
                if not failing:  # log once, not every second
                    log.warning("publishing failed", cause=repr(error))
                failing = True
            self._stopping.wait(RETRY_SECONDS)

    def _publish_while_leased(self) -> None:
        """Publish until stopped, or until the lease is lost.

        Raises:
            RedisError: Redis does not answer.
            TransientError: The database does not answer.
        """
        if not leases.acquire(self._state, LEASE, self._owner, seconds=LEASE_SECONDS):
            return
        try:
            with self._lease_keeper() as lost:
                while not lost.is_set():
                    if self.publish_batch():
                        continue
                    if self._stopping.is_set():
                        return
                    self._wake.wait(POLL_SECONDS)
                    self._wake.clear()
        finally:
            self.mark()
            leases.release(self._state, LEASE, self._owner)

    def publish_batch(self) -> int:
        """Publish up to one batch of events; return how many.

        Raises:
            RedisError: Redis does not answer; the batch will be published again.
            TransientError: The database does not answer.
        """
        unmarked = set(self._unmarked)
        undelivered = read_undelivered(self._state, limit=BATCH + len(unmarked))
        batch = [message for message in undelivered if message.id not in unmarked]
        if batch:
            pipeline = self._redis.pipeline(transaction=False)
            for message in batch:
                pipeline.publish(message.room, message.text)
            pipeline.execute()
            self._unmarked += [message.id for message in batch]
        return len(batch)

    def mark(self) -> None:
        """Mark published events in the database.

        Raises:
            TransientError: The database does not answer; the events stay unmarked.
        """
        batch = self._unmarked[:MARK_BATCH]
        if not batch:
            return
        with self._state.write_session() as session:
            session.execute(update(Event).where(Event.id.in_(batch)).values(delivered_at=now()))
        # Safe without a lock: the other thread only appends.
        del self._unmarked[: len(batch)]

    @contextmanager
    def _lease_keeper(self) -> Iterator[threading.Event]:
        """Mark events and renew the lease on a second thread, so that publishing never waits.

        Yields an event that is set when the lease is lost.
        """
        lost, ended = threading.Event(), threading.Event()

        def keep() -> None:
            renew_at = time.monotonic() + RENEW_SECONDS
            try:
                while not ended.wait(MARK_SECONDS):
                    self.mark()
                    if time.monotonic() > renew_at:
                        if not leases.acquire(
                            self._state, LEASE, self._owner, seconds=LEASE_SECONDS
                        ):
                            return
                        renew_at = time.monotonic() + RENEW_SECONDS
            except Exception as error:  # the lease is given up and acquired again
                log.warning("marking published events failed", cause=repr(error))
            finally:
                lost.set()

        thread = threading.Thread(target=keep, name="publisher-keeper")
        thread.start()
        try:
            yield lost
        finally:
            ended.set()
            thread.join()
