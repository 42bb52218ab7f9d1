"""The API: events to many WebSockets, and latency of Conductor's health.

The API, a writer and the subscribers are three processes. Latency is the time from before an
event's transaction to the subscriber's read from its socket.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import socket
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import numpy as np
import psutil
from websockets.asyncio.client import connect

from tests.bench.events import TRANSCRIPT_ID, prepared
from tests.bench.figures import Figure
from trackproof.testbed.conductor import start_process
from trackproof.testbed.processes import ManagedProcess
from trackproof.testbed.redis import start_redis
from trackproof.wait import wait_until

SUBSCRIBERS, EVENTS, PER_SECOND = 200, 2000, 25
P99_MS, P99_MS_WITH_REDIS = 250.0, 100.0
HEALTH_CHECKS, CALLERS, HANGING_CHECKS = 2000, 50, 5
HEALTH_P99_MS, HANGING_MS = 50.0, 2000.0
CONNECTED_AT_ONCE = 20
START_SECONDS = 180.0
ADDRESS = re.compile(r'"address": \["127\.0\.0\.1", (\d+)\]')
"""The API's address in its JSON log."""


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
    api_megabytes: float
    """Resident memory of the API at the end of the run."""


@contextmanager
def serving(database_url: str, redis_url: str | None, conductor_url: str) -> Iterator[str]:
    """Start the API as a process; yield its base URL."""
    variables = {"DATABASE_URL": database_url, "CONDUCTOR_SERVER_URL": conductor_url}
    variables |= {"API_PORT": "0", "LOG_FORMAT": "json"}
    if redis_url:
        variables["REDIS_URL"] = redis_url
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "api.log"
        command = [sys.executable, "-m", "reference_workers.platform.api"]
        with ManagedProcess(
            "API", command, log_path=log, env={**os.environ, **variables}
        ) as process:
            match = wait_until(
                lambda: ADDRESS.search(log.read_text()),
                what="the API to listen",
                timeout=START_SECONDS,
                evidence=process.tail,
            )
            yield f"http://127.0.0.1:{match[1]}"


async def deliver(
    api_url: str, database: str, url: str, redis_url: str | None, *, events: int, pace: float
) -> Delivery:
    """Start a writer and let all subscribers receive all events."""
    connecting, connected = asyncio.Semaphore(CONNECTED_AT_ONCE), asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as group:  # a failure ends all tasks
        following = [
            group.create_task(_follow(api_url, events, connecting, connected))
            for _ in range(SUBSCRIBERS)
        ]
        for _ in range(SUBSCRIBERS):
            await connected.acquire()
        command = (sys.executable, "-m", "tests.bench.events", "--write", url)
        writer = await asyncio.create_subprocess_exec(
            *command, redis_url or "", str(events), str(pace)
        )
        assert await writer.wait() == 0
    followed = [task.result() for task in following]
    delays = np.concatenate([np.frombuffer(delays) for delays, _ in followed]) * 1000
    return Delivery(
        database=database,
        redis=redis_url is not None,
        subscribers=SUBSCRIBERS,
        events=events,
        lost=sum(events - len(set(seen)) for _, seen in followed),
        repeated=sum(len(seen) - len(set(seen)) for _, seen in followed),
        p50_ms=round(float(np.percentile(delays, 50)), 1),
        p99_ms=round(float(np.percentile(delays, 99)), 1),
        worst_ms=round(float(delays.max()), 1),
        api_megabytes=round(_memory_of(api_url) / 1e6, 1),
    )


async def _follow(
    api_url: str, events: int, connecting: asyncio.Semaphore, connected: asyncio.Semaphore
) -> tuple[array[float], array[int]]:
    delays, seen = array("d"), array("L")
    url = f"{api_url.replace('http', 'ws', 1)}/ws/transcripts/{TRANSCRIPT_ID}"
    async with connecting:
        connection = await connect(url, proxy=None, compression=None, open_timeout=START_SECONDS)
    async with connection:
        connected.release()
        async for text in connection:
            message = json.loads(text)
            if message["event"] != "BENCH":
                continue
            delays.append(time.time() - message["data"]["at"])
            seen.append(message["data"]["number"])
            if message["data"]["number"] == events - 1:
                break
    return delays, seen


def _memory_of(api_url: str) -> int:
    """Return the resident bytes of the process that listens there."""
    port = int(api_url.rpartition(":")[2])
    for process in psutil.Process().children(recursive=True):
        for one in process.net_connections("tcp"):
            if one.laddr.port == port and one.status == psutil.CONN_LISTEN:
                return int(process.memory_info().rss)
    return 0


async def check_health(api_url: str, checks: int, callers: int, pause: float) -> list[float]:
    """Let `callers` callers check, each with a pause between its checks.

    Returns:
        Duration of each check in milliseconds.
    """
    took: list[float] = []

    async def call(number: int) -> None:
        async with httpx.AsyncClient(base_url=api_url, trust_env=False, timeout=30) as http:
            await http.get("/conductor/health")  # opens the connection
            await asyncio.sleep(pause * number / callers)
            for _ in range(checks // callers):
                start = time.perf_counter()
                await http.get("/conductor/health")
                took.append((time.perf_counter() - start) * 1000)
                await asyncio.sleep(pause)

    await asyncio.gather(*(call(number) for number in range(callers)))
    return took


def deliveries(databases: Sequence[str], events: int, pace: float) -> Iterator[Delivery]:
    """Measure each database with and without Redis."""
    for database in databases:
        for with_redis in (False, True):
            with ExitStack() as stack:
                url = stack.enter_context(prepared(database))
                redis_url = stack.enter_context(start_redis()).url if with_redis else None
                api_url = stack.enter_context(serving(url, redis_url, "http://127.0.0.1:9/api"))
                yield asyncio.run(
                    deliver(api_url, database, url, redis_url, events=events, pace=pace)
                )


def health() -> Iterator[Figure]:
    """Measure health checks of a healthy Conductor and of a hanging one."""
    with (
        prepared("sqlite") as url,
        start_process(report=lambda _: None) as conductor,
        serving(url, None, conductor.api_url) as api_url,
    ):
        for callers, pause in ((1, 0.0), (CALLERS, 1.0), (CALLERS, 0.0)):
            took = asyncio.run(check_health(api_url, HEALTH_CHECKS, callers, pause))
            # Many callers without a pause measure throughput, which has no limit.
            promised = HEALTH_P99_MS if callers == 1 or pause else None
            what = f"health, {callers} callers, {pause:g} s pause"
            yield Figure(f"{what}: p50", float(np.percentile(took, 50)), "ms")
            yield Figure(f"{what}: p99", float(np.percentile(took, 99)), "ms", promised)
            yield Figure(f"{what}: worst", max(took), "ms")
    with (
        prepared("sqlite") as url,
        socket.create_server(("127.0.0.1", 0)) as hanging,
        serving(url, None, f"http://127.0.0.1:{hanging.getsockname()[1]}/api") as api_url,
    ):
        took = asyncio.run(check_health(api_url, HANGING_CHECKS, 1, 0.0))
        yield Figure("health of a hanging Conductor: worst", max(took), "ms", HANGING_MS)


def measure() -> Iterator[Figure]:
    """Measure deliveries on both databases, and health checks."""
    for result in deliveries(("sqlite", "postgres"), EVENTS, PER_SECOND):
        what = f"{result.database}{' and Redis' if result.redis else ''}"
        what += f", {result.subscribers} WebSockets, {result.events:,} events"
        promised = P99_MS_WITH_REDIS if result.redis else P99_MS
        yield Figure(f"{what}: lost or repeated", result.lost + result.repeated, "")
        yield Figure(f"{what}: p50", result.p50_ms, "ms")
        yield Figure(f"{what}: p99", result.p99_ms, "ms", promised)
        yield Figure(f"{what}: worst", result.worst_ms, "ms")
        yield Figure(f"{what}: memory of the API", result.api_megabytes, "MB")
    yield from health()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure with other sizes and print the results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.api", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--pace", type=float, default=PER_SECOND, help="events a second")
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgres"])
    options = parser.parse_args(arguments)
    for result in deliveries(options.databases, options.events, options.pace):
        print(json.dumps(asdict(result)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
