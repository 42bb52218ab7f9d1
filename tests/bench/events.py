"""Events: latency and completeness for many subscribers, and many concurrent writers.

One process writes to one transcript at a steady pace, one event in each transaction. Another has
all subscribers. Latency is the time from before the transaction to the subscriber.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, aclosing, closing
from dataclasses import asdict, dataclass

import numpy as np
from sqlalchemy.orm import Session

from reference_workers.platform.state.models import Transcript
from reference_workers.platform.state.outbox_publisher import Publisher
from reference_workers.platform.state.repository import State
from reference_workers.platform.state.subscriptions import Subscriptions
from tests.bench.figures import Figure
from tests.bench.state_writes import write_at_once
from trackproof.testbed.postgres import start_postgres
from trackproof.testbed.redis import start_redis

TRANSCRIPT_ID = "transcript-bench"
SUBSCRIBERS, EVENTS, PER_SECOND = 200, 10_000, 400
P99_MS, P99_MS_WITH_REDIS = 250.0, 100.0
WRITERS, TASKS = 15, 200


@dataclass(frozen=True, slots=True)
class Delivery:
    """Result of one delivery run."""

    database: str
    redis: bool
    subscribers: int
    events: int
    lost: int
    repeated: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Writing:
    """Result of concurrent writers."""

    database: str
    writers: int
    tasks: int
    errors: int
    seconds: float
    slowest_task_ms: float


async def deliver(
    database: str, url: str, redis_url: str | None, *, subscribers: int, events: int, pace: float
) -> Delivery:
    """Start a writer and let all subscribers receive all events."""
    began = time.monotonic()
    with closing(State(url)) as state:
        async with Subscriptions.open(state, redis_url) as subscriptions:
            following = [
                asyncio.create_task(_follow(subscriptions, events)) for _ in range(subscribers)
            ]
            command = (sys.executable, "-m", "tests.bench.events", "--write", url)
            writer = await asyncio.create_subprocess_exec(
                *command, redis_url or "", str(events), str(pace)
            )
            followed = await asyncio.gather(*following)
            assert await writer.wait() == 0
    delays = np.concatenate([np.frombuffer(delays) for delays, _ in followed]) * 1000
    return Delivery(
        database=database,
        redis=redis_url is not None,
        subscribers=subscribers,
        events=events,
        lost=sum(events - len(set(seen)) for _, seen in followed),
        repeated=sum(len(seen) - len(set(seen)) for _, seen in followed),
        p50_ms=round(float(np.percentile(delays, 50)), 1),
        p99_ms=round(float(np.percentile(delays, 99)), 1),
        worst_ms=round(float(delays.max()), 1),
        seconds=round(time.monotonic() - began, 1),
    )


async def _follow(subscriptions: Subscriptions, events: int) -> tuple[array[float], array[int]]:
    delays, seen = array("d"), array("L")
    async with aclosing(subscriptions.events_after(TRANSCRIPT_ID)) as messages:
        async for message in messages:
            delays.append(time.time() - message.data["at"])
            seen.append(message.data["number"])
            if message.data["number"] == events - 1:
                break
    return delays, seen


def write(url: str, redis_url: str, events: int, pace: float) -> None:
    """Write `events` events at `pace` a second."""
    with closing(State(url)) as state, ExitStack() as stack:
        if redis_url:
            stack.enter_context(Publisher(state, redis_url).running())
        began = time.monotonic()
        for number in range(events):
            time.sleep(max(0.0, began + number / pace - time.monotonic()))
            with state.unit_of_work(TRANSCRIPT_ID) as unit:
                unit.emit("BENCH", {"number": number, "at": time.time()})


def write_together(database: str, url: str) -> Writing:
    """Let many processes write concurrently."""
    written = write_at_once(url, [TRANSCRIPT_ID] * WRITERS, TASKS)
    return Writing(
        database=database,
        writers=WRITERS,
        tasks=TASKS,
        errors=written.failed + len(written.warnings.splitlines()),
        seconds=round(written.seconds, 1),
        slowest_task_ms=round(written.slowest * 1000, 1),
    )


@contextlib.contextmanager
def prepared(database: str) -> Iterator[str]:
    """Yield the URL of a migrated database with one transcript."""
    with ExitStack() as stack:
        if database == "postgres":
            url = stack.enter_context(start_postgres()).new_database()
        else:
            url = f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/bench.db"
        with closing(State(url)) as state:
            state.migrate()
            with Session(state.engine) as session, session.begin():
                session.add(Transcript(id=TRANSCRIPT_ID))
        yield url


def measure() -> Iterator[Figure]:
    """Measure deliveries and writers, on both databases, with Redis and without."""
    for result in results(("sqlite", "postgres"), SUBSCRIBERS, EVENTS, PER_SECOND):
        if isinstance(result, Writing):
            what = f"{result.database}, {result.writers} processes, {result.tasks} tasks each"
            yield Figure(f"{what}: errors", result.errors, "")
            yield Figure(f"{what}: all", result.seconds, "s")
            yield Figure(f"{what}: slowest task", result.slowest_task_ms, "ms")
        else:
            what = f"{result.database}{' and Redis' if result.redis else ''}"
            what += f", {result.subscribers} subscribers, {result.events:,} events"
            promised = P99_MS_WITH_REDIS if result.redis else P99_MS
            yield Figure(f"{what}: lost or repeated", result.lost + result.repeated, "")
            yield Figure(f"{what}: p50", result.p50_ms, "ms")
            yield Figure(f"{what}: p99", result.p99_ms, "ms", promised)
            yield Figure(f"{what}: worst", result.worst_ms, "ms")


def results(
    databases: Sequence[str], subscribers: int, events: int, pace: float
) -> Iterator[Delivery | Writing]:
    """Measure each database with and without Redis."""
    for database in databases:
        for with_redis in (False, True):
            with ExitStack() as stack:
                url = stack.enter_context(prepared(database))
                redis_url = stack.enter_context(start_redis()).url if with_redis else None
                yield asyncio.run(
                    deliver(
                        database,
                        url,
                        redis_url,
                        subscribers=subscribers,
                        events=events,
                        pace=pace,
                    )
                )
        with prepared(database) as url:
            yield write_together(database, url)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure with other sizes and print the results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.events", description=__doc__)
    parser.add_argument("--subscribers", type=int, default=SUBSCRIBERS)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--pace", type=float, default=PER_SECOND, help="events a second")
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgres"])
    options = parser.parse_args(arguments)
    for result in results(options.databases, options.subscribers, options.events, options.pace):
        print(json.dumps(asdict(result)), flush=True)  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        write(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
    else:
        main()
