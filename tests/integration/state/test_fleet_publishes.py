"""A fleet process publishes events that other processes commit."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import closing
from pathlib import Path

import pytest
import redis

from reference_workers.platform.seed import seed
from reference_workers.platform.state.messages import Message
from reference_workers.platform.state.repository import State
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, meeting_rows
from trackproof.testbed.processes import ManagedProcess
from trackproof.testbed.redis import HINT, PROGRAM, start_redis
from trackproof.wait import wait_until

pytestmark = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=HINT)

CLOSED_PORT = "http://127.0.0.1:9/api"


def test_a_running_fleet_publishes_events_to_redis(each_database_url: str, tmp_path: Path) -> None:
    with start_redis() as server, closing(State(each_database_url)) as state:
        state.migrate()
        seed(state, meeting_rows())
        environment = {
            "DATABASE_URL": each_database_url,
            "REDIS_URL": server.url,
            "CONDUCTOR_SERVER_URL": CLOSED_PORT,
        }
        client: redis.Redis = redis.Redis.from_url(server.url)
        pubsub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        pubsub.subscribe(f"ts:{TRANSCRIPT_ID}")
        with (
            closing(client),
            closing(pubsub),
            ManagedProcess(
                "fleet",
                [sys.executable, "-m", "reference_workers"],
                log_path=tmp_path / "fleet.log",
                env={**os.environ, **environment},
            ) as fleet,
        ):
            with state.unit_of_work(TRANSCRIPT_ID) as unit:
                unit.emit("DURATION", {"duration": 61.0})
            message = wait_until(
                lambda: pubsub.get_message(timeout=0.1),
                what="the event",
                timeout=60,
                evidence=fleet.tail,
            )

    assert Message.from_json(message["data"]).data == {"duration": 61.0}
