"""Hand events from the outbox to Redis: each transcript's in order, each at least once.

One publisher of all the fleet's processes is at work, the one with the lease. It marks what it
has handed over; what could not be marked is handed over again. Redis may be away: the outbox keeps
what is written meanwhile, and it is handed over when Redis is back. Subscribers rely on the
numbers of the events and not on the publisher: a repeat, and even a gap, is theirs to see.
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
"""Between two looks for what other processes have written; one's own is seen at once."""
RETRY_SECONDS = 1.0
"""Until the next try where there is no lease to be had, or something does not answer."""
MARK_SECONDS = 0.5
BATCH = 500
MARK_BATCH = 5000
"""Below SQLite's limit of 32,766 variables a statement."""
REDIS_TIMEOUT_SECONDS = 5.0

log = structlog.get_logger()


class Publisher:
    """A thread that publishes for as long as `running` is open."""

    def __init__(self, state: State, redis_url: str) -> None:
        """Prepare; nothing is connected yet."""
        self._state = state
        self._redis = redis.Redis.from_url(
            redis_url,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        )
        self._owner = uuid.uuid4().hex
        self._unmarked: list[str] = []
        """Ids of events that Redis has and that are not marked yet."""
        self._wake = threading.Event()
        self._stopping = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Publish until the block ends; what was written before that is handed over."""
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
            except Exception as error:  # whatever it is, events are not to wait for ever
                if not failing:  # said once, not every second
                    log.warning("events wait to be published", cause=repr(error))
                failing = True
            self._stopping.wait(RETRY_SECONDS)

    def _publish_while_leased(self) -> None:
        """Publish until told to stop, or until another has the lease.

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
        """Hand over what waits, up to a batch; return how much that was.

        Raises:
            RedisError: Redis does not answer; nothing is handed over for good.
            TransientError: The database does not answer.
        """
        handed = set(self._unmarked)
        undelivered = read_undelivered(self._state, limit=BATCH + len(handed))
        waiting = [message for message in undelivered if message.id not in handed]
        if waiting:
            pipeline = self._redis.pipeline(transaction=False)
            for message in waiting:
                pipeline.publish(message.room, message.text)
            pipeline.execute()
            self._unmarked += [message.id for message in waiting]
        return len(waiting)

    def mark(self) -> None:
        """Note in the database what was handed over.

        Raises:
            TransientError: The database does not answer; it is to be marked yet.
        """
        marked = self._unmarked[:MARK_BATCH]
        if not marked:
            return
        with self._state.write_session() as session:
            session.execute(update(Event).where(Event.id.in_(marked)).values(delivered_at=now()))
        # A list is only ever appended to by the other thread.
        del self._unmarked[: len(marked)]

    @contextmanager
    def _lease_keeper(self) -> Iterator[threading.Event]:
        """Mark and renew the lease on a thread: no event has to wait for a transaction of ours.

        Yields an event that is set when the lease is not ours any longer.
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
            except Exception as error:  # whatever it is, publishing begins anew
                log.warning("published events wait to be marked", cause=repr(error))
            finally:
                lost.set()

        thread = threading.Thread(target=keep, name="publisher-keeper")
        thread.start()
        try:
            yield lost
        finally:
            ended.set()
            thread.join()
